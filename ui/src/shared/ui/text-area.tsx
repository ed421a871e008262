import type { ComponentProps } from 'react'
import { cn } from '../lib/cn'

/** Several lines of text, in the letters of programs. */
export function TextArea({ className, ...rest }: ComponentProps<'textarea'>) {
  return (
    <textarea
      spellCheck={false}
      className={cn(
        'w-full min-w-0 rounded-md border border-line-strong bg-surface px-3 py-2 font-mono text-ink text-sm transition-colors hover:border-ink-3 focus-visible:border-accent focus-visible:outline-offset-0 aria-invalid:border-bad',
        className,
      )}
      {...rest}
    />
  )
}
