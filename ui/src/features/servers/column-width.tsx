/** Widths of columns: dragged at the right edge of a title, or Alt ← → on the title. */
import { type KeyboardEvent, type PointerEvent, useRef } from 'react'
import { setPrefs, usePrefs } from '@/shared/lib/prefs'
import type { Column } from './columns'

const MIN_WIDTH = 48
const MAX_WIDTH = 640
const KEY_STEP = 12

function setWidth(id: string, width: number): void {
  const { widths } = usePrefs.getState()
  const next = Math.round(Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, width)))
  if (widths[id] !== next) setPrefs({ widths: { ...widths, [id]: next } })
}

/** The columns with the widths the user gave them; those do not grow any more. */
export function withWidths(
  columns: readonly Column[],
  widths: Readonly<Record<string, number>>,
): Column[] {
  return columns.map((column) => {
    const width = widths[column.id]
    return width === undefined ? column : { ...column, width, grow: 0 }
  })
}

const widthOf = (element: Element | null): number =>
  element?.closest('[role="columnheader"]')?.getBoundingClientRect().width ?? 0

/** For the title's button. */
export function resizeByKey(event: KeyboardEvent, id: string): void {
  if (!event.altKey || (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight')) return
  event.preventDefault()
  event.stopPropagation()
  const step = event.key === 'ArrowLeft' ? -KEY_STEP : KEY_STEP
  setWidth(id, widthOf(event.currentTarget) + step)
}

/** The edge to drag; a double click gives the column its usual width back. */
export function ResizeEdge({ id }: { id: string }) {
  const drag = useRef<{ x: number; width: number } | null>(null)
  const stop = (event: PointerEvent<HTMLSpanElement>) => {
    drag.current = null
    event.currentTarget.releasePointerCapture(event.pointerId)
  }
  return (
    <span
      aria-hidden="true"
      className="absolute inset-y-0 -right-[9px] w-[11px] cursor-col-resize touch-none after:absolute after:inset-y-1.5 after:left-[5px] after:w-px after:bg-line-strong after:opacity-0 hover:after:opacity-100"
      onPointerDown={(event) => {
        drag.current = { x: event.clientX, width: widthOf(event.currentTarget) }
        event.currentTarget.setPointerCapture(event.pointerId)
      }}
      onPointerMove={(event) => {
        if (drag.current) setWidth(id, drag.current.width + event.clientX - drag.current.x)
      }}
      onPointerUp={stop}
      onPointerCancel={stop}
      onDoubleClick={() => {
        const { [id]: _gone, ...widths } = usePrefs.getState().widths
        setPrefs({ widths })
      }}
    />
  )
}
