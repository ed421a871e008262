/** What the pages about channels ask for, and what they do. */
import {
  infiniteQueryOptions,
  queryOptions,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query'
import { accept, api, unwrap } from '@/shared/api/client'
import type { AlertChannel } from '@/shared/api/model'
import { toast, toastProblem } from '@/shared/ui/toast'
import { switched } from './channel-draft'

/** Loaded anew when something was told; what nobody says (another person's change) is here within this time. */
const EVERY_MS = 30_000
const PAGE = 50

const of = (id: string) => ({ params: { path: { id } } })

export const channelsQuery = queryOptions({
  queryKey: ['alerts', 'channels'],
  queryFn: async ({ signal }) =>
    (await unwrap(api.GET('/api/v1/alerts/channels', { signal }))).channels,
  refetchInterval: EVERY_MS,
})

export const toldQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['alerts', 'channels', id, 'told'],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET('/api/v1/alerts/channels/{id}/told', {
          params: { path: { id }, query: { limit: PAGE, cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: EVERY_MS,
  })

export function useSwitchChannel(channel: AlertChannel) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (enabled: boolean) =>
      unwrap(
        api.PUT('/api/v1/alerts/channels/{id}', {
          ...of(channel.id),
          body: switched(channel, enabled),
        }),
      ),
    onError: (error) => toastProblem(`${channel.name} stays as it was`, error),
    onSettled: () => client.invalidateQueries({ queryKey: channelsQuery.queryKey }),
  })
}

/** To where the channel leads, at once and once; the answer is the real one. */
export const useTestChannel = () =>
  useMutation({
    mutationFn: (id: string) => unwrap(api.POST('/api/v1/alerts/channels/{id}/test', of(id))),
  })

/** A channel that was deleted can be brought back from the message, with its secret. */
export function useDeleteChannel(onDeleted?: () => void) {
  const client = useQueryClient()
  const reload = () => client.invalidateQueries({ queryKey: channelsQuery.queryKey, exact: true })
  const restore = ({ id, name }: AlertChannel) => {
    accept(api.POST('/api/v1/alerts/channels/{id}/restore', of(id))).then(
      reload,
      (error: unknown) => toastProblem(`${name} stays deleted`, error),
    )
  }
  return useMutation({
    mutationFn: ({ id }: AlertChannel) =>
      accept(api.DELETE('/api/v1/alerts/channels/{id}', of(id))),
    onSuccess: (_done, channel) => {
      toast({
        tone: 'info',
        title: 'Channel deleted',
        detail: `${channel.name} tells nobody any more`,
        action: { label: 'Undo', run: () => restore(channel) },
      })
      onDeleted?.()
      return reload()
    },
    onError: (error, { name }) => toastProblem(`${name} was not deleted`, error),
  })
}
