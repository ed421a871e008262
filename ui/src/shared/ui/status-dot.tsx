import { cn } from '../lib/cn'

export type Tone = 'ok' | 'warn' | 'bad' | 'off' | 'accent'

const FILL: Record<Tone, string> = {
  ok: 'fill-ok',
  warn: 'fill-warn-mark',
  bad: 'fill-bad',
  off: 'fill-none stroke-off',
  accent: 'fill-accent',
}

/**
 * A mark that says its meaning by shape as well as by colour: disc = good, triangle = warning,
 * square = bad, ring = off. A word always stands beside it, so the mark itself is hidden from
 * screen readers.
 */
export function StatusDot({ tone, className }: { tone: Tone; className?: string }) {
  return (
    <svg
      viewBox="0 0 10 10"
      className={cn('size-2.5 shrink-0', FILL[tone], className)}
      aria-hidden="true"
    >
      {tone === 'warn' ? (
        <path d="M5 .8 9.6 9H.4Z" />
      ) : tone === 'bad' ? (
        <rect x="1" y="1" width="8" height="8" rx="1.5" />
      ) : tone === 'off' ? (
        <circle cx="5" cy="5" r="3.5" strokeWidth="1.6" />
      ) : (
        <circle cx="5" cy="5" r="4.2" />
      )}
    </svg>
  )
}
