import type { ReactNode } from 'react'
import { cn } from '../lib/cn'

/** Takes the place of a list that has nothing in it and names the one next step. */
export function Empty({
  icon,
  title,
  children,
  action,
  className,
}: {
  icon?: ReactNode
  title: string
  children?: ReactNode
  action?: ReactNode
  className?: string
}) {
  return (
    <div
      className={cn(
        'mx-auto flex max-w-md flex-col items-center px-6 py-14 text-center',
        className,
      )}
    >
      {icon ? (
        <div className="mb-4 grid size-11 place-items-center rounded-xl border border-line bg-surface text-ink-2 [&_svg]:size-5">
          {icon}
        </div>
      ) : null}
      <h2 className="font-semibold text-ink text-lg">{title}</h2>
      {children ? <div className="mt-1.5 max-w-full text-ink-2">{children}</div> : null}
      {action ? <div className="mt-5 flex flex-wrap justify-center gap-2">{action}</div> : null}
    </div>
  )
}
