import { cn } from '../lib/cn'
import { percent } from '../lib/format'

function tone(value: number): string {
  if (value >= 95) return 'bg-bad'
  if (value >= 85) return 'bg-warn-mark'
  return 'bg-accent'
}

/** A percentage as bar and number. The number carries the meaning; the bar is for the eye. */
export function Meter({
  value,
  faded = false,
  className,
}: {
  value: number | null | undefined
  faded?: boolean
  className?: string
}) {
  const known = typeof value === 'number' && Number.isFinite(value)
  const width = known ? Math.min(100, Math.max(0, value)) : 0
  return (
    <span className={cn('flex items-center gap-2', className)}>
      <span
        className="h-1.5 min-w-6 flex-1 overflow-hidden rounded-full bg-meter"
        aria-hidden="true"
      >
        <span
          className={cn('block h-full rounded-full', known && tone(value), faded && 'opacity-40')}
          style={{ width: `${width}%` }}
        />
      </span>
      <span className={cn('tnum w-12 text-right', faded && 'text-ink-3')}>{percent(value)}</span>
    </span>
  )
}
