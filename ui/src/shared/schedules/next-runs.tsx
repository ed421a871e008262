import { useNow } from '@/shared/lib/now'
import { exact, relative } from '@/shared/lib/time'
import { inZone } from './moments'

/** When it runs next, as the clocks of its time zone show it. */
export function NextRuns({ next, zone }: { next: readonly string[]; zone: string }) {
  const now = useNow()
  const seconds = next.some((at) => Date.parse(at) % 60_000 !== 0)
  if (next.length === 0) return <p className="text-ink-2">It never runs.</p>
  return (
    <ol aria-label="Next runs" className="flex flex-col gap-1">
      {next.map((at) => {
        const ms = Date.parse(at)
        return (
          <li key={at} className="tnum flex flex-wrap gap-x-3">
            <time dateTime={at} title={exact(ms)}>
              {inZone(ms, zone, seconds) ?? exact(ms)}
            </time>
            <span className="text-ink-3">{relative(ms, now)}</span>
          </li>
        )
      })}
    </ol>
  )
}
