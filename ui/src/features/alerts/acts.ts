/** What people do with alerts. Shown at once, taken back when the API refuses. */
import {
  type InfiniteData,
  type QueryClient,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import { accept, api, unwrap } from '@/shared/api/client'
import type { Alert, AlertList } from '@/shared/api/model'
import { plural } from '@/shared/lib/format'
import { serverNow } from '@/shared/lib/now'
import { meQuery } from '@/shared/session/session'
import { toast, toastProblem } from '@/shared/ui/toast'

type Pages = InfiniteData<AlertList, string | undefined>

/** The same pages with some alerts changed; rows that did not change stay the same objects. */
export function patched(
  pages: Pages | undefined,
  ids: ReadonlySet<string>,
  change: (alert: Alert) => Alert,
): Pages | undefined {
  return (
    pages && {
      ...pages,
      pages: pages.pages.map((page) => ({
        ...page,
        items: page.items.map((alert) => (ids.has(alert.id) ? change(alert) : alert)),
      })),
    }
  )
}

const lists = { queryKey: ['alerts', 'list'] }

const reload = (client: QueryClient) => client.invalidateQueries({ queryKey: ['alerts'] })

/** Undo of an acknowledgement. */
async function takeBack(client: QueryClient, ids: readonly string[]): Promise<void> {
  const failed: unknown[] = []
  for (const id of ids) {
    await accept(api.DELETE('/api/v1/alerts/{id}/acknowledge', { params: { path: { id } } })).catch(
      (error: unknown) => failed.push(error),
    )
  }
  if (failed.length > 0)
    toastProblem(`${failed.length} of ${ids.length} stay acknowledged`, failed[0])
  await reload(client)
}

/** Acknowledges many. Undo takes it back from those that this changed. */
export function useAcknowledge() {
  const client = useQueryClient()
  const { data: me } = useQuery(meQuery)
  return useMutation({
    mutationFn: ({ alerts, note }: { alerts: readonly Alert[]; note?: string }) =>
      unwrap(
        api.POST('/api/v1/alerts/acknowledge', {
          body: { ids: alerts.map(({ id }) => id), note: note || undefined },
        }),
      ),
    onMutate: async ({ alerts, note }) => {
      await client.cancelQueries(lists)
      const before = client.getQueriesData<Pages>(lists)
      const ids = new Set(alerts.map(({ id }) => id))
      client.setQueriesData<Pages>(lists, (pages) =>
        patched(pages, ids, (alert) => ({
          ...alert,
          acknowledged_at: new Date(serverNow()).toISOString(),
          acknowledged_by_name: me?.username ?? null,
          ack_note: note ?? '',
        })),
      )
      return before
    },
    onError: (error, _alerts, before) => {
      for (const [key, pages] of before ?? []) client.setQueryData(key, pages)
      toastProblem('Not acknowledged', error)
    },
    onSuccess: ({ results }, { alerts }) => {
      const done = results.filter(({ ok }) => ok).map(({ id }) => id)
      const refused = results.filter(({ ok }) => !ok)
      const [first] = alerts
      if (done.length > 0) {
        toast({
          tone: 'ok',
          title:
            alerts.length === 1 ? 'Acknowledged' : `${plural(done.length, 'alert')} acknowledged`,
          detail:
            alerts.length === 1 && first ? `${first.name} on ${first.server_name}` : undefined,
          action: { label: 'Undo', run: () => void takeBack(client, done) },
        })
      }
      if (refused.length > 0) {
        toast({
          tone: 'bad',
          title: `${plural(refused.length, 'alert')} not acknowledged`,
          detail: refused[0]?.reason ?? undefined,
        })
      }
    },
    onSettled: () => reload(client),
  })
}

export function useUnacknowledge() {
  const client = useQueryClient()
  return useMutation({ mutationFn: (id: string) => takeBack(client, [id]) })
}

export function useResolve() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, note }: { id: string; note: string }) =>
      accept(
        api.POST('/api/v1/alerts/{id}/resolve', {
          params: { path: { id } },
          body: { note: note.trim() || undefined },
        }),
      ),
    onSuccess: () => toast({ tone: 'ok', title: 'Resolved by hand' }),
    onSettled: () => reload(client),
  })
}
