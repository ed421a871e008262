import { queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '../api/client'

/** The next runs of a cron line, or a problem that says what is wrong with it. */
export const timetableQuery = (cron: string, zone: string) =>
  queryOptions({
    queryKey: ['schedules', 'timetable', cron, zone],
    queryFn: async ({ signal }) =>
      (await unwrap(api.POST('/api/v1/schedules/preview', { body: { cron, zone }, signal }))).next,
    enabled: cron !== '' && zone !== '',
    retry: false,
    staleTime: 60_000,
  })
