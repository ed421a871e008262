import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { CommandList } from '@/shared/api/model'
import { Button } from '@/shared/ui/button'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import { HistoryTable } from './history-table'

/** A history, page by page, however it is: loading, failed, empty or there. */
export function HistoryList({
  query,
  onServer,
  open,
  empty,
}: {
  query: UseInfiniteQueryResult<InfiniteData<CommandList>>
  onServer?: string
  open?: string
  empty: ReactNode
}) {
  const commands = query.data?.pages.flatMap((page) => page.commands) ?? []
  return (
    <>
      {query.isError ? (
        <ProblemPanel
          className="mb-3"
          what="The commands could not be loaded"
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      ) : null}
      {query.isPending ? (
        <Late>
          <Skeleton className="h-64" />
        </Late>
      ) : commands.length > 0 ? (
        <>
          <HistoryTable commands={commands} onServer={onServer} open={open} />
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
      ) : query.isError ? null : (
        empty
      )}
    </>
  )
}
