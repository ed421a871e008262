import { cva, type VariantProps } from 'class-variance-authority'
import type { ComponentProps } from 'react'
import { cn } from '../lib/cn'

export const buttonStyle = cva(
  'inline-flex shrink-0 select-none items-center justify-center gap-1.5 whitespace-nowrap rounded-md border font-medium transition-colors duration-100 disabled:cursor-not-allowed disabled:opacity-50 aria-disabled:cursor-not-allowed aria-disabled:opacity-50 [&_svg]:size-4 [&_svg]:shrink-0 hit',
  {
    variants: {
      variant: {
        primary:
          'border-transparent bg-accent text-on-accent hover:not-disabled:bg-accent-strong active:not-disabled:bg-accent-strong',
        outline:
          'border-line-strong bg-surface text-ink hover:not-disabled:bg-hover aria-pressed:bg-hover data-popup-open:bg-hover',
        quiet:
          'border-transparent text-ink-2 hover:not-disabled:bg-hover hover:not-disabled:text-ink aria-pressed:bg-hover aria-pressed:text-ink data-popup-open:bg-hover data-popup-open:text-ink',
        danger:
          'border-transparent bg-bad text-surface hover:not-disabled:bg-bad-strong dark:text-bg',
        dangerQuiet: 'border-line-strong bg-surface text-bad hover:not-disabled:bg-bad-soft',
      },
      size: {
        sm: 'h-7 px-2 text-xs',
        md: 'h-8 px-3 text-sm',
        lg: 'h-10 px-4 text-base',
        icon: 'size-8',
        iconSm: 'size-7',
      },
    },
    defaultVariants: { variant: 'outline', size: 'md' },
  },
)

export interface ButtonProps extends ComponentProps<'button'>, VariantProps<typeof buttonStyle> {
  /** Shows that the action runs; the button keeps its width and takes no second click. */
  busy?: boolean
}

export function Button({
  className,
  variant,
  size,
  busy = false,
  type = 'button',
  disabled,
  children,
  ...rest
}: ButtonProps) {
  return (
    <button
      type={type}
      className={cn(buttonStyle({ variant, size }), busy && 'relative', className)}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      {...rest}
    >
      {busy ? (
        <>
          <span className="absolute inset-0 grid place-items-center">
            <Spinner />
          </span>
          <span className="invisible contents">
            <span className="invisible inline-flex items-center gap-1.5">{children}</span>
          </span>
        </>
      ) : (
        children
      )}
    </button>
  )
}

export function Spinner({ className }: { className?: string }) {
  return (
    <svg
      className={cn('size-4 animate-spin', className)}
      viewBox="0 0 16 16"
      fill="none"
      aria-hidden="true"
    >
      <circle cx="8" cy="8" r="6" stroke="currentColor" strokeOpacity="0.25" strokeWidth="2" />
      <path d="M14 8a6 6 0 0 0-6-6" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
    </svg>
  )
}
