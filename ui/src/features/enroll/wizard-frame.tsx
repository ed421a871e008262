import { Check } from 'lucide-react'
import type { ReactNode } from 'react'
import { cn } from '@/shared/lib/cn'

const STEPS = ['Name', 'Install', 'First readings'] as const

export function WizardFrame({
  step,
  title,
  lead,
  children,
}: {
  /** 1 to 3; 4: all done. */
  step: 1 | 2 | 3 | 4
  title: string
  lead?: ReactNode
  children: ReactNode
}) {
  return (
    <div className="mx-auto max-w-2xl px-4 py-8 sm:py-12">
      <ol className="mb-8 flex items-center gap-2 text-xs" aria-label="Steps">
        {STEPS.map((label, index) => {
          const number = index + 1
          const done = number < step
          const current = number === step
          return (
            <li
              key={label}
              aria-current={current ? 'step' : undefined}
              className={cn('flex items-center gap-2', index > 0 && 'flex-1')}
            >
              {index > 0 ? (
                <span aria-hidden="true" className="h-px min-w-3 flex-1 bg-line-strong" />
              ) : null}
              <span
                className={cn(
                  'tnum grid size-5 shrink-0 place-items-center rounded-full border font-semibold text-2xs',
                  done && 'border-transparent bg-ok-soft text-ok',
                  current && 'border-transparent bg-accent text-on-accent',
                  !done && !current && 'border-line-strong text-ink-3',
                )}
              >
                {done ? <Check className="size-3" strokeWidth={3} aria-label="done" /> : number}
              </span>
              <span className={cn(current ? 'font-semibold' : 'text-ink-2')}>{label}</span>
            </li>
          )
        })}
      </ol>
      <h1 className="font-semibold text-2xl tracking-tight">{title}</h1>
      {lead ? <div className="mt-1.5 text-base text-ink-2">{lead}</div> : null}
      <div className="mt-6">{children}</div>
    </div>
  )
}
