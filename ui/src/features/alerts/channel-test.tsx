/** What the other side answered to a test message, in its own words. */
import type { ChannelTested } from '@/shared/api/model'
import { toProblem } from '@/shared/api/problem'
import { cn } from '@/shared/lib/cn'
import { StatusDot } from '@/shared/ui/status-dot'
import { tookText } from './words'

export function TestAnswer({
  answer,
  error,
  className,
}: {
  answer: ChannelTested | undefined
  error: unknown
  className?: string
}) {
  const problem = answer ? null : toProblem(error)
  const sent = answer?.sent ?? false
  return (
    <div
      role="status"
      className={cn('rounded-md border border-line bg-sunken px-2.5 py-2 text-sm', className)}
    >
      <p className="flex items-center gap-2 font-medium">
        <StatusDot tone={sent ? 'ok' : 'bad'} />
        {problem
          ? 'The test was not sent'
          : sent
            ? `The test arrived in ${tookText(answer?.took_ms ?? 0)}`
            : 'The test did not arrive'}
        {answer?.status ? <span className="tnum text-ink-3">{answer.status}</span> : null}
      </p>
      {problem ? (
        <p className="break-words text-ink-2 text-xs">{problem.message}</p>
      ) : answer?.answer ? (
        <pre className="mt-1 max-h-32 overflow-y-auto whitespace-pre-wrap break-words font-mono text-ink-2 text-xs">
          {answer.answer}
        </pre>
      ) : null}
    </div>
  )
}
