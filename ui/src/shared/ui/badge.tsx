import type { ReactNode } from 'react'
import { cn } from '../lib/cn'
import type { Tone } from './status-dot'

const TONES: Record<Tone | 'plain', string> = {
  plain: 'border-line bg-sunken text-ink-2',
  ok: 'border-transparent bg-ok-soft text-ok',
  warn: 'border-transparent bg-warn-soft text-warn',
  bad: 'border-transparent bg-bad-soft text-bad',
  off: 'border-line bg-sunken text-ink-2',
  accent: 'border-transparent bg-accent-soft text-accent',
}

export function Badge({
  tone = 'plain',
  className,
  title,
  children,
}: {
  tone?: Tone | 'plain'
  className?: string
  title?: string
  children: ReactNode
}) {
  return (
    <span
      title={title}
      className={cn(
        'inline-flex h-5 max-w-full items-center gap-1 truncate rounded border px-1.5 text-2xs leading-none',
        TONES[tone],
        className,
      )}
    >
      {children}
    </span>
  )
}
