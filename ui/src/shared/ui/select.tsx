import type { ComponentProps } from 'react'
import { cn } from '../lib/cn'

/** The browser's own select: right on every device, and nothing to load. */
export function Select({ className, ...rest }: ComponentProps<'select'>) {
  return (
    <select
      className={cn(
        'h-9 w-full min-w-0 rounded-md border border-line-strong bg-surface px-2.5 text-base text-ink hover:border-ink-3 disabled:opacity-60 aria-invalid:border-bad touch:min-h-11',
        className,
      )}
      {...rest}
    />
  )
}
