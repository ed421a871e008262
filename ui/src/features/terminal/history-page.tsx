import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { History } from 'lucide-react'
import { useState } from 'react'
import { accept, api, unwrap } from '@/shared/api/client'
import { bytes, duration } from '@/shared/lib/format'
import { Button } from '@/shared/ui/button'
import { Confirm } from '@/shared/ui/confirm'
import { Empty } from '@/shared/ui/empty'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Segmented } from '@/shared/ui/segmented'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import { Ago } from '@/shared/ui/time'
import { toastProblem } from '@/shared/ui/toast'

const REASONS: Record<string, string> = {
  exited: 'Shell ended',
  closed: 'Closed',
  idle: 'Nobody typed',
  abandoned: 'Nobody came back',
  agent_stopped: 'Agent stopped',
  refused: 'Refused',
  revoked: 'Access taken away',
  failed: 'Failed',
}

type Own = 'all' | 'on' | 'off'

/** Terminals that are and were open on a server, with their recordings, and whether new ones are recorded. */
export function HistoryPage({ server }: { server: string }) {
  const client = useQueryClient()
  const [ending, setEnding] = useState<string | null>(null)
  const [erasing, setErasing] = useState<string | null>(null)
  const queryKey = ['server', server, 'terminals']
  const query = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET('/api/v1/servers/{id}/terminals', {
          params: { path: { id: server }, query: { limit: 50, after: pageParam } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })
  const reload = () => client.invalidateQueries({ queryKey })
  const terminals = query.data?.pages.flatMap((page) => page.terminals) ?? []
  if (query.isError && terminals.length === 0) {
    return (
      <ProblemPanel
        className="mt-4"
        what="The terminals could not be loaded"
        error={query.error}
        onRetry={() => void query.refetch()}
      />
    )
  }
  if (query.isPending) {
    return (
      <Late>
        <Skeleton className="mt-4 h-64" />
      </Late>
    )
  }
  return (
    <div className="mt-4 flex flex-col gap-4">
      <Policy server={server} />
      {terminals.length === 0 ? (
        <Empty icon={<History aria-hidden="true" />} title="No terminal was opened yet">
          Every terminal is noted here, with who opened it and how it ended.
        </Empty>
      ) : (
        <div className="card relative overflow-x-auto">
          <table className="w-full text-left">
            <thead>
              <tr className="text-2xs text-ink-3">
                <th scope="col" className="h-9 px-3 font-medium">
                  Opened
                </th>
                <th scope="col" className="px-3 font-medium">
                  By
                </th>
                <th scope="col" className="px-3 font-medium max-md:hidden">
                  Where
                </th>
                <th scope="col" className="px-3 font-medium">
                  End
                </th>
                <th scope="col" className="px-3 font-medium">
                  Recording
                </th>
                <th scope="col" className="px-3 font-medium">
                  <span className="sr-only">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {terminals.map((one) => (
                <tr key={one.session} className="border-line border-t">
                  <th scope="row" className="h-10 whitespace-nowrap px-3 font-normal">
                    <Ago at={one.opened_at} className="tnum" />
                  </th>
                  <td className="px-3">{one.mine ? 'You' : (one.user_name ?? 'Somebody')}</td>
                  <td className="px-3 text-ink-2 max-md:hidden">{one.container ?? 'Host'}</td>
                  <td className="px-3 text-ink-2" title={one.message ?? undefined}>
                    {one.closed_at ? (REASONS[one.reason ?? ''] ?? 'Over') : 'Open'}
                  </td>
                  <td className="tnum px-3">
                    {one.recording ? (
                      <Link
                        to="/servers/$id/terminal/$session"
                        params={{ id: server, session: one.session }}
                        className="text-accent underline"
                      >
                        Play {duration(one.recording.duration_s)} ({bytes(one.recording.bytes)})
                      </Link>
                    ) : (
                      <span className="text-ink-3">
                        {one.recorded ? 'Not kept' : 'Not recorded'}
                      </span>
                    )}
                  </td>
                  <td className="whitespace-nowrap px-3 text-right">
                    {one.closed_at ? null : (
                      <>
                        {one.mine ? (
                          <Link
                            to="/servers/$id/terminal"
                            params={{ id: server }}
                            search={{ session: one.session }}
                            className="mr-3 text-accent underline"
                          >
                            Go on
                          </Link>
                        ) : null}
                        <Button
                          size="sm"
                          variant="dangerQuiet"
                          onClick={() => setEnding(one.session)}
                        >
                          End
                        </Button>
                      </>
                    )}
                    {one.closed_at && one.recording ? (
                      <Button
                        size="sm"
                        variant="dangerQuiet"
                        onClick={() => setErasing(one.session)}
                      >
                        Delete recording
                      </Button>
                    ) : null}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {query.hasNextPage ? (
        <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Show older
        </Button>
      ) : null}
      <Confirm
        open={ending !== null}
        onOpenChange={(open) => open || setEnding(null)}
        title="End this terminal?"
        action="End terminal"
        effects="Everything that runs in it is ended, too."
        onConfirm={async () => {
          const path = { id: server, session: ending ?? '' }
          await accept(api.DELETE('/api/v1/servers/{id}/terminals/{session}', { params: { path } }))
          await reload()
        }}
      />
      <Confirm
        open={erasing !== null}
        onOpenChange={(open) => open || setErasing(null)}
        title="Delete this recording?"
        action="Delete recording"
        effects="It is gone for good. That you deleted it stays in the audit log."
        onConfirm={async () => {
          const path = { id: server, session: erasing ?? '' }
          await accept(
            api.DELETE('/api/v1/servers/{id}/terminals/{session}/recording', { params: { path } }),
          )
          await reload()
        }}
      />
    </div>
  )
}

const CHOICES: readonly { value: Own; label: string }[] = [
  { value: 'all', label: 'As for all servers' },
  { value: 'on', label: 'Record' },
  { value: 'off', label: 'Do not record' },
]

function Policy({ server }: { server: string }) {
  const client = useQueryClient()
  const params = { path: { id: server } }
  const queryKey = ['server', server, 'terminal-policy']
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/v1/servers/{id}/terminal-policy', { params, signal })),
  })
  const save = useMutation({
    mutationFn: (own: Own) =>
      accept(
        api.PUT('/api/v1/servers/{id}/terminal-policy', {
          params,
          body: { own: own === 'all' ? null : own === 'on' },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey }),
    onError: (error) => toastProblem('Not saved', error),
  })
  if (!query.data) return null
  const own: Own = query.data.own === null ? 'all' : query.data.own ? 'on' : 'off'
  return (
    <div className="flex flex-wrap items-center gap-3 text-ink-2">
      <Segmented
        label="Recording of terminals"
        value={own}
        options={CHOICES}
        onChange={(next) => save.mutate(next)}
      />
      <span role="status" className="text-xs">
        {query.data.recorded
          ? 'What new terminals show is recorded. What is typed is not.'
          : 'New terminals are not recorded.'}
      </span>
    </div>
  )
}
