import { useNow } from '../lib/now'
import { exact, relative } from '../lib/time'

/** "3 min ago", kept fresh, with the exact time on hover and for screen readers. */
export function Ago({ at, className }: { at: string | number; className?: string }) {
  const now = useNow()
  const ms = typeof at === 'number' ? at : Date.parse(at)
  return (
    <time dateTime={new Date(ms).toISOString()} title={exact(ms)} className={className}>
      {relative(ms, now)}
    </time>
  )
}
