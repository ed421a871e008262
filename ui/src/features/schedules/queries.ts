import { type QueryClient, queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'
import type { Schedule } from '@/shared/api/model'

const EVERY_MS = 10_000

const of = (id: string) => ({ params: { path: { id } } })

export const schedulesQuery = queryOptions({
  queryKey: ['schedules'],
  queryFn: async ({ signal }) => (await unwrap(api.GET('/api/v1/schedules', { signal }))).schedules,
  refetchInterval: EVERY_MS,
})

export const scheduleQuery = (id: string) =>
  queryOptions({
    queryKey: ['schedules', id],
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/schedules/{id}', { ...of(id), signal })),
    refetchInterval: EVERY_MS,
  })

export const switchOn = (id: string) => unwrap(api.POST('/api/v1/schedules/{id}/enable', of(id)))

export const switchOff = (id: string) => unwrap(api.POST('/api/v1/schedules/{id}/disable', of(id)))

/** What was answered is shown at once, in the list too. */
export function keep(client: QueryClient, schedule: Schedule): void {
  client.setQueryData(scheduleQuery(schedule.id).queryKey, schedule)
  void client.invalidateQueries({ queryKey: schedulesQuery.queryKey, exact: true })
}
