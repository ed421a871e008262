/**
 * The list itself: only the rows in sight are in the document, the page is what scrolls. Every row
 * is one link, so a middle click opens a tab; one handler serves all of them.
 */
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown, ArrowUp } from 'lucide-react'
import {
  type KeyboardEvent,
  type MouseEvent,
  memo,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from 'react'
import { STATUS_SHORT, STATUS_TONE } from '@/shared/fleet/status'
import { cn } from '@/shared/lib/cn'
import { percent } from '@/shared/lib/format'
import { useMedia } from '@/shared/lib/media'
import { type Density, usePrefs } from '@/shared/lib/prefs'
import { StatusDot } from '@/shared/ui/status-dot'
import { ResizeEdge, resizeByKey, withWidths } from './column-width'
import { type Column, fitting, OpenAlerts } from './columns'
import type { ServerSelection } from './selection'
import type { Sort, ViewRow } from './view'

const GAP = 14
/** Width of the column of checkboxes. */
const PICK = 16
const ROW: Record<Density, number> = { compact: 36, comfortable: 46 }
const SMALL_ROW = 68

export const serverHref = (id: string): string => `/servers/${encodeURIComponent(id)}`

export function ServersTable({
  rows,
  columns,
  sort,
  onSort,
  selection,
  onOpen,
  onHold,
}: {
  rows: readonly ViewRow[]
  columns: readonly Column[]
  sort: Sort
  selection: ServerSelection
  onSort: (sort: Sort) => void
  onOpen: (id: string) => void
  /** Pointer or focus is in the table: the order should rest. */
  onHold: (held: boolean) => void
}) {
  const density = usePrefs((prefs) => prefs.density)
  const widths = usePrefs((prefs) => prefs.widths)
  const singleKeys = usePrefs((prefs) => prefs.singleKeys)
  const coarse = useMedia('(pointer: coarse)')
  const small = useMedia('(max-width: 639px)')
  const body = useRef<HTMLDivElement>(null)
  const frame = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  const [offset, setOffset] = useState(0)
  const [active, setActive] = useState(0)
  const focusWanted = useRef(false)
  const height = small ? SMALL_ROW : coarse ? ROW.comfortable : ROW[density]

  useLayoutEffect(() => {
    const element = frame.current
    if (!element) return
    const measure = () => {
      setWidth(element.clientWidth)
      setOffset(body.current ? body.current.getBoundingClientRect().top + window.scrollY : 0)
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    observer.observe(document.body)
    return () => observer.disconnect()
  }, [])

  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => height,
    overscan: 4,
    scrollMargin: offset,
    // The sticky bars cover this much of the top; focus must not hide below them.
    scrollPaddingStart: 96,
    getItemKey: (index) => rows[index]?.row.server.id ?? index,
  })

  // biome-ignore lint/correctness/useExhaustiveDependencies: sizes are cached by the virtualizer
  useLayoutEffect(() => virtual.measure(), [height])

  const current = Math.min(active, Math.max(0, rows.length - 1))
  useEffect(() => {
    if (!focusWanted.current) return
    const link = body.current?.querySelector<HTMLElement>(`[data-index="${current}"] a`)
    if (link) {
      focusWanted.current = false
      link.focus({ preventScroll: true })
    }
  })

  const go = (index: number) => {
    const next = Math.min(rows.length - 1, Math.max(0, index))
    focusWanted.current = true
    setActive(next)
    virtual.scrollToIndex(next, { align: 'auto' })
  }

  const pickAt = (index: number, range: boolean) => {
    const id = rows[index]?.row.server.id
    if (id !== undefined) selection.pick(id, range)
  }

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'x' && singleKeys) {
      event.preventDefault()
      pickAt(current, event.shiftKey)
      return
    }
    if (event.key === 'Escape' && selection.ids.size > 0) {
      event.preventDefault()
      selection.clear()
      return
    }
    const page = Math.max(1, Math.floor(window.innerHeight / height) - 4)
    const moves: Record<string, number> = {
      ArrowDown: current + 1,
      ArrowUp: current - 1,
      PageDown: current + page,
      PageUp: current - page,
      Home: 0,
      End: rows.length - 1,
    }
    const move = moves[event.key]
    if (move === undefined) return
    event.preventDefault()
    if (event.shiftKey) {
      // From the row one stands on, as in a file list.
      if (!selection.ids.has(rows[current]?.row.server.id ?? '')) pickAt(current, false)
      pickAt(Math.min(rows.length - 1, Math.max(0, move)), true)
    }
    go(move)
  }

  const onClick = (event: MouseEvent) => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)
      return
    const link = event.target instanceof Element ? event.target.closest('a[data-server]') : null
    if (!link) return
    event.preventDefault()
    onOpen(link.getAttribute('data-server') ?? '')
  }

  const shown = small ? columns : fitting(withWidths(columns, widths), width - 24 - PICK - GAP, GAP)
  const template = [
    `${PICK}px`,
    ...shown.map((column) =>
      column.grow > 0 ? `minmax(${column.width}px, ${column.grow}fr)` : `${column.width}px`,
    ),
  ].join(' ')

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: resting in the table only holds the order
    <div
      ref={frame}
      className="card max-sm:-mx-px"
      onPointerEnter={() => onHold(true)}
      onPointerLeave={() => onHold(false)}
      onFocus={() => onHold(true)}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) onHold(false)
      }}
    >
      <div role="table" aria-label="Servers" aria-rowcount={rows.length + 1}>
        {small ? (
          <div role="rowgroup" className="sr-only">
            <div role="row" aria-rowindex={1}>
              <span role="columnheader">Server</span>
            </div>
          </div>
        ) : (
          <div
            role="rowgroup"
            className="sticky top-12 z-20 rounded-t-[10px] border-line border-b bg-surface short:static"
          >
            <div
              role="row"
              aria-rowindex={1}
              className="grid h-9 items-center px-3"
              style={{ gridTemplateColumns: template, columnGap: GAP }}
            >
              <div role="columnheader">
                <PickAll rows={rows} selection={selection} />
              </div>
              {shown.map((column) => (
                <HeaderCell key={column.id} column={column} sort={sort} onSort={onSort} />
              ))}
            </div>
          </div>
        )}
        <div
          ref={body}
          role="rowgroup"
          className="relative"
          style={{ height: virtual.getTotalSize() }}
          onKeyDown={onKeyDown}
          onClick={onClick}
        >
          {virtual.getVirtualItems().map((item) => {
            const view = rows[item.index]
            if (!view) return null
            return (
              <Row
                key={item.key}
                view={view.row}
                status={view.status}
                index={item.index}
                top={item.start - offset}
                height={height}
                columns={shown}
                template={template}
                small={small}
                tabbable={item.index === current}
                picked={selection.ids.has(view.row.server.id)}
                onPick={selection.pick}
                onFocusRow={setActive}
              />
            )
          })}
        </div>
      </div>
    </div>
  )
}

/** The box above all boxes: everything that matches the filter, or nothing. */
function PickAll({ rows, selection }: { rows: readonly ViewRow[]; selection: ServerSelection }) {
  const some = selection.ids.size > 0
  const all = some && rows.every((view) => selection.ids.has(view.row.server.id))
  return (
    <PickBox
      label={`Select all ${rows.length.toLocaleString('en')} servers`}
      checked={all}
      mixed={some && !all}
      tabbable
      onPick={() => (all ? selection.clear() : selection.pickAll())}
    />
  )
}

function PickBox({
  label,
  checked,
  mixed = false,
  tabbable,
  onPick,
}: {
  label: string
  checked: boolean
  mixed?: boolean
  tabbable: boolean
  onPick: (range: boolean) => void
}) {
  return (
    // Above the link that covers the row, and larger than the box it holds.
    <label className="relative z-10 -m-2 grid select-none place-items-center p-2 touch:-m-3.5 touch:p-3.5">
      <input
        type="checkbox"
        aria-label={label}
        tabIndex={tabbable ? 0 : -1}
        className="size-4 cursor-pointer accent-(--accent)"
        checked={checked}
        ref={(box) => {
          if (box) box.indeterminate = mixed
        }}
        onChange={(event) => onPick((event.nativeEvent as globalThis.MouseEvent).shiftKey === true)}
      />
    </label>
  )
}

function HeaderCell({
  column,
  sort,
  onSort,
}: {
  column: Column
  sort: Sort
  onSort: (sort: Sort) => void
}) {
  const sorted = sort.column === column.id
  const Arrow = sort.descending ? ArrowDown : ArrowUp
  const right = column.align === 'right'
  if (column.sort === null) {
    return (
      <div role="columnheader" className="relative font-medium text-2xs text-ink-3">
        {column.label}
        <ResizeEdge id={column.id} />
      </div>
    )
  }
  return (
    <div
      role="columnheader"
      aria-sort={sorted ? (sort.descending ? 'descending' : 'ascending') : 'none'}
      className={cn('relative min-w-0', right && 'text-right')}
    >
      <button
        type="button"
        onKeyDown={(event) => resizeByKey(event, column.id)}
        onClick={() => {
          // Figures are looked at from the top, words from A.
          const first = column.sort === 'live' && column.id !== 'status' && column.id !== 'seen'
          onSort({ column: column.id, descending: sorted ? !sort.descending : first })
        }}
        className={cn(
          'inline-flex h-6 max-w-full items-center gap-1 rounded font-medium text-2xs hover:text-ink',
          sorted ? 'text-ink' : 'text-ink-3',
          right && 'flex-row-reverse',
        )}
      >
        <span className="truncate">{column.label}</span>
        {sorted ? <Arrow className="size-3 shrink-0" aria-hidden="true" /> : null}
      </button>
      <ResizeEdge id={column.id} />
    </div>
  )
}

interface RowProps {
  view: ViewRow['row']
  status: ViewRow['status']
  index: number
  top: number
  height: number
  columns: readonly Column[]
  template: string
  small: boolean
  tabbable: boolean
  picked: boolean
  onPick: (id: string, range: boolean) => void
  onFocusRow: (index: number) => void
}

const Row = memo(function Row(props: RowProps) {
  const { view, status, index, top, height, columns, template, small, tabbable, picked } = props
  const { id, name } = view.server
  const pick = (
    <PickBox
      label={`Select ${name}`}
      checked={picked}
      tabbable={tabbable}
      onPick={(range) => props.onPick(id, range)}
    />
  )
  const link = (
    <a
      href={serverHref(id)}
      data-server={id}
      tabIndex={tabbable ? 0 : -1}
      onFocus={() => props.onFocusRow(index)}
      className="truncate font-medium text-ink after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:rounded-md focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
    >
      {name}
    </a>
  )
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      data-index={index}
      className={cn(
        'absolute inset-x-0 top-0 border-line border-t hover:bg-hover',
        index === 0 && 'border-t-transparent',
        picked && 'bg-accent-soft hover:bg-accent-soft',
      )}
      style={{ height, transform: `translateY(${top}px)` }}
    >
      {small ? (
        <SmallRow view={view} status={status} link={link} pick={pick} />
      ) : (
        <div
          className="grid h-full items-center px-3"
          style={{ gridTemplateColumns: template, columnGap: GAP }}
        >
          <div role="cell">{pick}</div>
          {columns.map((column) => (
            <div
              key={column.id}
              role="cell"
              className={cn('min-w-0 truncate', column.align === 'right' && 'text-right')}
            >
              {column.id === 'name' ? link : column.cell({ row: view, status })}
            </div>
          ))}
        </div>
      )}
    </div>
  )
})

/** Two lines for narrow screens: who and how, then the three figures. */
function SmallRow({
  view,
  status,
  link,
  pick,
}: {
  view: ViewRow['row']
  status: ViewRow['status']
  link: React.ReactNode
  pick: React.ReactNode
}) {
  const { latest } = view.server
  const old = status !== 'online'
  return (
    <div role="cell" className="flex h-full items-center gap-3 px-3">
      {pick}
      <div className="flex min-w-0 flex-1 flex-col justify-center gap-1.5">
        <div className="flex items-center gap-2">
          <StatusDot tone={STATUS_TONE[status]} />
          {link}
          {(view.server.alerts?.open ?? 0) > 0 ? (
            <span className="ml-auto shrink-0 text-xs">
              <OpenAlerts row={view} />
            </span>
          ) : null}
          <span className={cn('ml-auto shrink-0 text-xs', old ? 'font-medium' : 'text-ink-3')}>
            {STATUS_SHORT[status]}
          </span>
        </div>
        <div className={cn('tnum grid grid-cols-3 gap-3 text-xs', old && 'text-ink-3')}>
          {(
            [
              ['CPU', latest?.cpu],
              ['Mem', latest?.mem],
              ['Disk', latest?.disk],
            ] as const
          ).map(([label, value]) => (
            <span key={label} className="flex justify-between gap-2">
              <span className="text-ink-3">{label}</span>
              {percent(value)}
            </span>
          ))}
        </div>
      </div>
    </div>
  )
}
