/**
 * A table of any length in a frame of its own: only the rows in sight are in the document. Its titles
 * sort where a column can.
 */
import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown, ArrowUp } from 'lucide-react'
import { type ReactNode, useRef } from 'react'
import { cn } from '../lib/cn'
import type { Sorting } from '../lib/sorting'

export interface LongColumn<C extends string> {
  id: C
  title: string
  /** Width and what hides it on narrow screens. */
  className?: string
  numeric?: boolean
  /** True: the largest first is what people want to see. */
  descendingFirst?: boolean
  /** False: the title does not sort. */
  sortable?: boolean
}

export function LongTable<T, C extends string>({
  label,
  columns,
  rows,
  keyOf,
  cells,
  rowHeight,
  sorting,
  onSort,
}: {
  label: string
  columns: readonly LongColumn<C>[]
  rows: readonly T[]
  keyOf: (row: T) => string | number
  /** The cells of a row; the first is a row header. */
  cells: (row: T) => ReactNode
  rowHeight: number
  sorting?: Sorting<C>
  onSort?: (sorting: Sorting<C>) => void
}) {
  const frame = useRef<HTMLElement>(null)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => rowHeight,
    overscan: 8,
    // What has the focus must not hide below the titles.
    scrollPaddingStart: 40,
    getItemKey: (index) => {
      const row = rows[index]
      return row === undefined ? index : keyOf(row)
    },
  })
  const items = virtual.getVirtualItems()
  const before = items[0]?.start ?? 0
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0)
  return (
    <section
      ref={frame}
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard
      tabIndex={0}
      className="card relative max-h-[max(20rem,calc(100dvh-15rem))] scroll-pt-10 overflow-auto"
    >
      <table
        aria-label={label}
        aria-rowcount={rows.length + 1}
        className="w-full table-fixed text-left [&_td]:px-3 [&_th]:px-3"
      >
        <thead className="sticky top-0 z-10 bg-surface">
          <tr className="h-9 text-2xs text-ink-3" aria-rowindex={1}>
            {columns.map((column) => (
              <Title key={column.id} column={column} sorting={sorting} onSort={onSort} />
            ))}
          </tr>
        </thead>
        {before > 0 ? <Gap height={before} /> : null}
        <tbody>
          {items.map((item) => {
            const row = rows[item.index]
            if (row === undefined) return null
            return (
              <tr
                key={item.key}
                aria-rowindex={item.index + 2}
                style={{ height: rowHeight }}
                className="border-line border-t hover:bg-hover"
              >
                {cells(row)}
              </tr>
            )
          })}
        </tbody>
        {after > 0 ? <Gap height={after} /> : null}
      </table>
    </section>
  )
}

/** Keeps the place of the rows that are out of sight. */
const Gap = ({ height }: { height: number }) => (
  <tbody aria-hidden="true">
    <tr style={{ height }} />
  </tbody>
)

function Title<C extends string>({
  column,
  sorting,
  onSort,
}: {
  column: LongColumn<C>
  sorting?: Sorting<C>
  onSort?: (sorting: Sorting<C>) => void
}) {
  const { id, title, className, numeric = false, descendingFirst = false } = column
  const sorted = sorting?.column === id ? sorting : null
  const Arrow = sorted?.descending ? ArrowDown : ArrowUp
  return (
    <th
      scope="col"
      aria-sort={sorted ? (sorted.descending ? 'descending' : 'ascending') : undefined}
      className={cn('border-line border-b font-medium', numeric && 'text-right', className)}
    >
      {onSort && column.sortable !== false ? (
        <button
          type="button"
          onClick={() =>
            onSort({ column: id, descending: sorted ? !sorted.descending : descendingFirst })
          }
          className={cn(
            'inline-flex min-h-6 max-w-full items-center gap-1 hover:text-ink',
            numeric && 'flex-row-reverse',
            sorted && 'text-ink',
          )}
        >
          <span className="truncate">{title}</span>
          <Arrow className={cn('size-3 shrink-0', sorted ? '' : 'invisible')} aria-hidden="true" />
        </button>
      ) : title ? (
        title
      ) : (
        <span className="sr-only">Actions</span>
      )}
    </th>
  )
}
