import type { ReactNode } from 'react'
import { cn } from '../lib/cn'

/** A table that scrolls in its own frame when it is too wide. `label` names it for screen readers. */
export function Table({
  label,
  columns,
  children,
  className,
}: {
  label: string
  /** Titles; an empty one is read as "Actions". A class hides a column on narrow screens; a silent title is only read out. */
  columns: readonly (string | { title: string; className: string; silent?: boolean })[]
  children: ReactNode
  className?: string
}) {
  return (
    <div
      className={cn('relative overflow-x-auto rounded-lg border border-line bg-surface', className)}
    >
      <table aria-label={label} className="w-full text-left">
        <thead>
          <tr className="h-9 text-2xs text-ink-3">
            {columns.map((column) => {
              const title = typeof column === 'string' ? column : column.title
              return (
                <th
                  key={title}
                  scope="col"
                  className={cn(
                    'whitespace-nowrap px-3 font-medium',
                    typeof column !== 'string' && column.className,
                  )}
                >
                  {title && !(typeof column !== 'string' && column.silent) ? (
                    title
                  ) : (
                    <span className="sr-only">{title || 'Actions'}</span>
                  )}
                </th>
              )
            })}
          </tr>
        </thead>
        <tbody className="[&>tr]:border-line [&>tr]:border-t [&_td]:px-3 [&_td]:py-1.5 [&_th]:px-3 [&_th]:py-2 [&_th]:font-normal">
          {children}
        </tbody>
      </table>
    </div>
  )
}
