/** What was told through a channel: which alert, what became of it, what the other side answered. */
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Button } from '@/shared/ui/button'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { StatusDot } from '@/shared/ui/status-dot'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { toldQuery } from './channel-queries'
import { toldOf } from './words'

export function ChannelLog({ id }: { id: string }) {
  const query = useInfiniteQuery(toldQuery(id))
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <section aria-labelledby="channel-log" className="mt-8">
      <h2 id="channel-log" className="mb-2 font-medium">
        What it told
      </h2>
      {query.isError ? (
        <ProblemPanel
          what="What it told could not be loaded"
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      ) : query.isPending ? null : items.length === 0 ? (
        <p className="text-ink-2 text-sm">
          Nothing yet. Each message stands here, with the answer of the other side; one that was
          kept back, with the reason.
        </p>
      ) : (
        <Table
          label="What it told"
          columns={['Alert', 'What became of it', { title: 'When', className: 'max-sm:hidden' }]}
        >
          {items.map((item) => {
            const told = toldOf(item)
            return (
              <tr key={item.seq}>
                <th scope="row" className="w-1/2 max-w-0">
                  <Link
                    to="/alerts/$id"
                    params={{ id: item.alert_id }}
                    className="block truncate font-medium hover:underline max-sm:whitespace-normal"
                  >
                    {item.name}
                    {item.device ? ` · ${item.device}` : ''}
                  </Link>
                  <span className="block truncate text-ink-2 text-xs">
                    {item.server_name || 'a server that is gone'}, {told.what}
                  </span>
                </th>
                <td className="min-w-0">
                  <span className="flex items-center gap-2">
                    <StatusDot tone={told.tone} />
                    {told.result}
                  </span>
                  {told.detail ? (
                    <span className="block break-words pl-4 text-ink-2 text-xs">{told.detail}</span>
                  ) : null}
                  <Ago at={item.at} className="tnum pl-4 text-ink-3 text-xs sm:hidden" />
                </td>
                <td className="whitespace-nowrap max-sm:hidden">
                  <Ago at={item.at} className="tnum" />
                </td>
              </tr>
            )
          })}
        </Table>
      )}
      {query.hasNextPage ? (
        <Button
          className="mt-3"
          busy={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          Show older
        </Button>
      ) : null}
    </section>
  )
}
