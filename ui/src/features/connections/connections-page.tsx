import { useInfiniteQuery } from '@tanstack/react-query'
import { Cable } from 'lucide-react'
import { api, unwrap } from '@/shared/api/client'
import { duration } from '@/shared/lib/format'
import { exact } from '@/shared/lib/time'
import { eventsQuery, eventText, eventTone } from '@/shared/servers/server-query'
import { Button } from '@/shared/ui/button'
import { Empty } from '@/shared/ui/empty'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import { StatusDot } from '@/shared/ui/status-dot'
import { Ago } from '@/shared/ui/time'

const PAGE = 100

const TRANSPORT: Record<string, string> = { nats: 'NATS', websocket: 'WebSocket' }

/** When the agent came and went, and when somebody was refused with this server's key. */
export function ConnectionsPage({ id }: { id: string }) {
  const query = useInfiniteQuery({
    // Below the key of the events, so that news about the presence refreshes this list, too.
    queryKey: [...eventsQuery(id).queryKey, 'pages'],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET('/api/v1/servers/{id}/events', {
          params: { path: { id }, query: { limit: PAGE, after: pageParam } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })
  const events = query.data?.pages.flatMap((page) => page.events) ?? []
  if (query.isError && events.length === 0) {
    return (
      <ProblemPanel
        className="mt-4"
        what="The connections could not be loaded"
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
  if (events.length === 0) {
    return (
      <Empty icon={<Cable aria-hidden="true" />} title="Nothing has connected yet">
        Every time the agent comes or goes, it is noted here.
      </Empty>
    )
  }
  return (
    <>
      <div className="card mt-4 relative overflow-x-auto">
        <table className="w-full text-left">
          <thead>
            <tr className="text-2xs text-ink-3">
              <th scope="col" className="h-9 px-3 font-medium">
                What
              </th>
              <th scope="col" className="px-3 font-medium">
                When
              </th>
              <th scope="col" className="px-3 font-medium max-md:hidden">
                Lasted
              </th>
              <th scope="col" className="px-3 font-medium max-md:hidden">
                Over
              </th>
              <th scope="col" className="px-3 font-medium max-sm:hidden">
                From
              </th>
              <th scope="col" className="px-3 font-medium max-lg:hidden">
                Details
              </th>
            </tr>
          </thead>
          <tbody>
            {events.map((event) => (
              <tr key={event.id} className="border-line border-t">
                <th scope="row" className="h-9 whitespace-nowrap px-3 font-normal">
                  <span className="flex items-center gap-2">
                    <StatusDot tone={eventTone(event.kind)} />
                    {eventText(event.kind)}
                  </span>
                </th>
                <td className="whitespace-nowrap px-3">
                  <Ago at={event.at} className="tnum" />
                  <span className="tnum ml-2 text-ink-3 text-xs max-lg:hidden">
                    {exact(Date.parse(event.at))}
                  </span>
                </td>
                <td className="tnum whitespace-nowrap px-3 max-md:hidden">
                  {typeof event.duration_s === 'number' ? duration(event.duration_s) : ''}
                </td>
                <td className="px-3 text-ink-2 max-md:hidden">
                  {event.transport ? (TRANSPORT[event.transport] ?? event.transport) : ''}
                </td>
                <td className="tnum px-3 text-ink-2 max-sm:hidden">{event.address ?? ''}</td>
                <td className="px-3 text-ink-2 max-lg:hidden">{event.detail ?? ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {query.hasNextPage ? (
        <Button
          className="mt-3"
          busy={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          Show older
        </Button>
      ) : null}
    </>
  )
}
