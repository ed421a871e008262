import { CircleAlert, RotateCw } from 'lucide-react'
import { toProblem } from '../api/problem'
import { cn } from '../lib/cn'
import { Button } from './button'
import { CopyButton } from './copy'

/** A load that failed: what failed, why, the request id for the logs, and a way to try again. */
export function ProblemPanel({
  what,
  error,
  onRetry,
  className,
}: {
  /** "The servers could not be loaded" */
  what: string
  error: unknown
  onRetry?: () => void
  className?: string
}) {
  const problem = toProblem(error)
  return (
    <div
      role="alert"
      className={cn(
        'flex flex-wrap items-start gap-x-4 gap-y-3 rounded-lg border border-line bg-surface p-4',
        className,
      )}
    >
      <CircleAlert className="mt-0.5 size-5 shrink-0 text-bad" aria-hidden="true" />
      <div className="min-w-0 flex-1 basis-56">
        <p className="font-semibold">{what}</p>
        <p className="text-ink-2">{problem.message}</p>
        {problem.requestId ? (
          <p className="mt-1 flex items-center gap-1 font-mono text-2xs text-ink-3">
            request {problem.requestId}
            <CopyButton iconOnly text={problem.requestId} label="Copy request id" />
          </p>
        ) : null}
      </div>
      {onRetry ? (
        <Button onClick={onRetry}>
          <RotateCw aria-hidden="true" />
          Retry
        </Button>
      ) : null}
    </div>
  )
}
