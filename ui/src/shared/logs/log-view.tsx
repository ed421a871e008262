/**
 * A log to read: follows the newest line until somebody scrolls up, then stands still and counts what
 * comes. Only the rows in sight are in the document. Who fills the buffer does not matter.
 */
import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown } from 'lucide-react'
import {
  type KeyboardEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { Button } from '../ui/button'
import type { Held, LogBuffer } from './buffer'
import type { LogLine } from './line'
import { LineDetail } from './line-detail'
import { LogRow } from './log-row'
import { LogToolbar, type ViewOptions } from './log-toolbar'
import { matcher } from './search'

const ROW = 20
/** Nearer to the end than this counts as being there. */
const AT_END = 4 * ROW

const count = new Intl.NumberFormat('en')

interface Row {
  /** Its number in the buffer. */
  n: number
  line: LogLine
}

export function LogView({
  buffer,
  label,
  fileName,
  children,
  empty,
  linkTo,
  streams = false,
}: {
  buffer: LogBuffer
  /** What it is the log of. */
  label: string
  /** Of the download, without ending. */
  fileName: string
  /** At the left of the toolbar: the state of the stream, choices of the page. */
  children?: ReactNode
  /** Instead of lines, while there are none. */
  empty: ReactNode
  /** Address of one line, where lines have one. */
  linkTo?: (line: LogLine) => string | null
  /** The lines are the two outputs of a program. */
  streams?: boolean
}) {
  const newest = useSyncExternalStore(buffer.subscribe, buffer.held)
  const [frozen, setFrozen] = useState<Held | null>(null)
  const [options, setOptions] = useState<ViewOptions>({
    query: { text: '', regex: false, invert: false },
    only: false,
    wrap: false,
    times: true,
  })
  const [hit, setHit] = useState<number | null>(null)
  const [open, setOpen] = useState<number | null>(null)
  const box = useRef<HTMLDivElement>(null)

  const held = frozen ?? newest
  const search = useMemo(() => matcher(options.query), [options.query])
  const { rows, hits } = useMemo(() => {
    const all: Row[] = []
    const found: number[] = []
    held.lines.forEach((line, index) => {
      const n = held.first + index
      const matches = search?.matches(line) ?? false
      if (matches) found.push(n)
      if (!options.only || !search || matches) all.push({ n, line })
    })
    return { rows: all, hits: found }
  }, [held, search, options.only])

  const keyOf = useCallback((index: number) => rows[index]?.n ?? index, [rows])
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    getItemKey: keyOf,
    overscan: 12,
  })

  const following = frozen === null
  const last = rows.length - 1
  const end = held.first + held.lines.length
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new end is what moves it.
  useEffect(() => {
    if (following && last >= 0) virtual.scrollToIndex(last, { align: 'end' })
  }, [following, last, end, virtual, options.wrap])

  const pause = () => setFrozen((before) => before ?? buffer.held())
  const resume = () => {
    setFrozen(null)
    setHit(null)
  }
  const scrolled = () => {
    const { current } = box
    if (!current || frozen) return
    if (current.scrollHeight - current.scrollTop - current.clientHeight > AT_END) pause()
  }
  /** Only what a person does may pause; our own scrolling to the end must not. */
  const byHand = useRef(false)

  const goTo = (n: number) => {
    pause()
    setHit(n)
    const index = rows.findIndex((row) => row.n === n)
    if (index >= 0) virtual.scrollToIndex(index, { align: 'center' })
  }
  const step = (way: 1 | -1) => {
    if (hits.length === 0) return
    const at = hit === null ? -1 : hits.indexOf(hit)
    const next = at < 0 ? hits.length - 1 : (at + way + hits.length) % hits.length
    const n = hits[next]
    if (n !== undefined) goTo(n)
  }
  const [context, setContext] = useState<number | null>(null)
  useEffect(() => {
    if (context === null || options.only) return
    const index = rows.findIndex((row) => row.n === context)
    if (index >= 0) virtual.scrollToIndex(index, { align: 'center' })
    setContext(null)
  }, [context, options.only, rows, virtual])

  const keys = (event: KeyboardEvent) => {
    byHand.current = true
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'End') {
      event.preventDefault()
      resume()
    } else if (event.key === 'n') step(1)
    else if (event.key === 'N') step(-1)
  }

  const selected = open === null ? undefined : held.lines[open - held.first]
  const waiting = frozen
    ? newest.first + newest.lines.length - (frozen.first + frozen.lines.length)
    : 0
  return (
    <section
      aria-label={label}
      className="card flex min-h-0 min-w-0 flex-1 flex-col overflow-hidden"
    >
      <LogToolbar
        options={options}
        onChange={(next) => {
          setOptions(next)
          setHit(null)
        }}
        problem={search?.problem ?? null}
        hits={search ? hits.length : null}
        at={hit === null ? null : hits.indexOf(hit) + 1}
        onStep={step}
        following={following}
        onFollow={() => (following ? pause() : resume())}
        onClear={() => {
          buffer.clear()
          resume()
          setOpen(null)
        }}
        lines={() => rows.map((row) => row.line)}
        fileName={fileName}
      >
        {children}
      </LogToolbar>
      <div className="relative min-h-0 flex-1">
        <div
          ref={box}
          role="log"
          aria-label={label}
          aria-live="off"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard.
          tabIndex={0}
          className="absolute inset-0 overflow-auto bg-sunken font-mono text-xs"
          onWheel={() => {
            byHand.current = true
          }}
          onPointerDown={() => {
            byHand.current = true
          }}
          onTouchMove={() => {
            byHand.current = true
          }}
          onKeyDown={keys}
          onScroll={() => {
            if (byHand.current) scrolled()
          }}
        >
          {rows.length === 0 ? (
            <div className="p-4 font-sans text-ink-2 text-sm">
              {search && options.only ? 'No line matches.' : empty}
            </div>
          ) : (
            <div
              className="relative w-full"
              style={{
                height: virtual.getTotalSize(),
                minWidth: options.wrap ? undefined : 'max-content',
              }}
            >
              {virtual.getVirtualItems().map((item) => {
                const row = rows[item.index]
                if (!row) return null
                return (
                  <div
                    key={item.key}
                    data-index={item.index}
                    ref={options.wrap ? virtual.measureElement : undefined}
                    className="absolute inset-x-0 top-0"
                    style={{ transform: `translateY(${item.start}px)` }}
                  >
                    <LogRow
                      line={row.line}
                      search={search}
                      wrap={options.wrap}
                      times={options.times}
                      streams={streams}
                      marked={row.n === hit}
                      selected={row.n === open}
                      onOpen={() => {
                        pause()
                        setOpen(row.n === open ? null : row.n)
                      }}
                    />
                  </div>
                )
              })}
            </div>
          )}
        </div>
        {following ? null : (
          <Button
            variant="primary"
            size="sm"
            className="absolute right-4 bottom-3 shadow-float"
            onClick={() => {
              byHand.current = false
              resume()
            }}
          >
            <ArrowDown aria-hidden="true" />
            {waiting > 0 ? `${count.format(waiting)} new` : 'To the end'}
          </Button>
        )}
      </div>
      {selected && open !== null ? (
        <LineDetail
          line={selected}
          href={linkTo?.(selected) ?? null}
          onClose={() => setOpen(null)}
          onContext={
            options.only && search
              ? () => {
                  setOptions({ ...options, only: false })
                  setHit(open)
                  setContext(open)
                }
              : null
          }
        />
      ) : null}
    </section>
  )
}
