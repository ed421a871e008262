import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { ProblemPanel } from './problem-panel'
import { Late, Skeleton } from './skeleton'

/** The children once there is something to show; before that a skeleton, or what went wrong. */
export function Loaded<T>({
  query,
  what,
  children,
}: {
  query: UseQueryResult<T>
  /** "The accounts could not be loaded" */
  what: string
  children: (data: T) => ReactNode
}) {
  if (query.data !== undefined) return children(query.data)
  if (query.isError) {
    return <ProblemPanel what={what} error={query.error} onRetry={() => void query.refetch()} />
  }
  return (
    <Late>
      <Skeleton className="h-40" />
    </Late>
  )
}
