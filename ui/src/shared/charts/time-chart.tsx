/**
 * A chart over time with everything around the canvas: title, live values that follow the shared
 * crosshair, a legend that isolates and hides lines, keys for all that dragging can do, the numbers
 * as a table or CSV, and a summary in words.
 *
 * Keys on the focused plot: ← → move the crosshair (Shift marks a stretch), Enter zooms to the mark,
 * − zooms out, Esc clears.
 */
import { Download, MoreHorizontal, Table2 } from 'lucide-react'
import { lazy, type RefObject, Suspense, useEffect, useId, useMemo, useRef, useState } from 'react'
import { cn } from '../lib/cn'
import { download } from '../lib/download'
import { NONE, type Unit, withUnit } from '../lib/format'
import { useResolvedTheme } from '../lib/theme'
import { clock, dateTime } from '../lib/time'
import { Button } from '../ui/button'
import { Menu } from '../ui/menu'
import { readColors, SERIES_VARS } from './colors'
import { type ChartData, NO_DATA, nearest, summarize, toCsv } from './data'
import { type Marker, Plot, type PlotStyle } from './plot'
import type { Viewport, Window } from './viewport'

/** A reading this old still counts as the one of now: agents may send once a minute. */
const STILL_NOW_MS = 150_000

const ChartTable = lazy(() => import('./chart-table'))

export interface ChartLine {
  key: string
  label: string
  color: number
}

export interface ChartSource {
  read(window: Window): ChartData
  subscribe(listener: () => void): () => void
}

export interface TimeChartProps {
  title: string
  unit: Unit
  lines: ChartLine[]
  style?: PlotStyle
  top?: number
  source: ChartSource
  viewport: Viewport
  syncKey: string
  /** What the lines show where readings are summed up. */
  statistic: 'avg' | 'max'
  markers: readonly Marker[]
  onZoom: (window: Window) => void
  onZoomOut: () => void
  onMarker: (marker: Marker) => void
  /** Said instead of an empty plot, when it is known why there is nothing. */
  emptyText?: string
  height?: number
  className?: string
}

export function TimeChart(props: TimeChartProps) {
  const { title, unit, lines, source, viewport, height = 168 } = props
  const [shown, setShown] = useState<ReadonlySet<string> | null>(null)
  const [table, setTable] = useState<ChartData | null>(null)
  const summaryId = useId()
  const host = useRef<HTMLDivElement>(null)
  const values = useRef<HTMLUListElement>(null)
  const time = useRef<HTMLSpanElement>(null)
  const slider = useRef<HTMLDivElement>(null)
  const empty = useRef<HTMLDivElement>(null)
  const visible = useMemo(() => lines.map((line) => shown?.has(line.key) ?? true), [lines, shown])
  const driver = useDriver(props, visible, { host, values, time, slider, empty })

  const isolate = (key: string) => {
    setShown((before) => (before?.size === 1 && before.has(key) ? null : new Set([key])))
  }
  const toggle = (key: string) => {
    setShown((before) => {
      const next = new Set(before ?? lines.map((line) => line.key))
      if (!next.delete(key)) next.add(key)
      return next.size === 0 || next.size === lines.length ? null : next
    })
  }

  const labels = lines.map((line) => line.label)
  return (
    <figure className={cn('card min-w-0', props.className)} aria-label={title}>
      <div className="flex min-h-9 items-center gap-2 pt-1.5 pr-1.5 pl-3">
        <figcaption className="truncate font-semibold text-sm">{title}</figcaption>
        <span ref={time} className="tnum text-2xs text-ink-3" />
        <div className="ml-auto" />
        <Menu
          trigger={
            <Button variant="quiet" size="iconSm" aria-label={`${title}: more`}>
              <MoreHorizontal aria-hidden="true" />
            </Button>
          }
          entries={[
            {
              kind: 'action',
              label: 'Show as table',
              icon: <Table2 aria-hidden="true" />,
              run: () => setTable(source.read(viewport.window())),
            },
            {
              kind: 'action',
              label: 'Download CSV',
              icon: <Download aria-hidden="true" />,
              run: () =>
                download(`${title}.csv`, 'text/csv', toCsv(source.read(viewport.window()), labels)),
            },
          ]}
        />
      </div>
      <ul
        ref={values}
        className="flex min-h-5 flex-wrap gap-x-1 gap-y-0 px-1.5 max-sm:min-h-10 max-sm:content-start"
      >
        {lines.map((line, index) => (
          <li key={line.key}>
            <button
              type="button"
              aria-pressed={visible[index]}
              title={`${line.label}: click to show it alone, Shift-click to hide or show it`}
              onClick={(event) => (event.shiftKey ? toggle(line.key) : isolate(line.key))}
              className={cn(
                'flex h-6 items-center gap-1.5 rounded px-1.5 text-2xs text-ink-2 hover:bg-hover touch:h-9',
                !visible[index] && 'opacity-45',
              )}
            >
              <span
                aria-hidden="true"
                hidden={props.style === 'heat'}
                className="h-2 w-2 shrink-0 rounded-[3px]"
                style={{ background: SERIES_VARS[line.color % SERIES_VARS.length] }}
              />
              <span className="max-w-40 truncate">{line.label}</span>
              <span
                data-value=""
                className={cn('tnum text-left font-medium text-ink', valueWidth(unit))}
              >
                {NONE}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <div className="relative">
        <div
          ref={slider}
          role="slider"
          tabIndex={0}
          aria-label={`${title}: time`}
          aria-describedby={summaryId}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={100}
          aria-valuetext="now"
          onKeyDown={driver.keyDown}
          onFocus={driver.focus}
          onBlur={driver.blur}
          onPointerEnter={driver.enter}
          onPointerLeave={driver.leave}
          className="rounded-lg focus-visible:-outline-offset-2"
          style={{ height }}
        >
          <div ref={host} className="absolute inset-0" />
        </div>
        <div
          ref={empty}
          hidden
          className="pointer-events-none absolute inset-0 grid place-items-center text-ink-3 text-xs"
        >
          {props.emptyText ?? 'No readings in this time'}
        </div>
      </div>
      <p id={summaryId} className="sr-only" data-summary="" />
      {table ? (
        <Suspense>
          <ChartTable
            title={title}
            unit={unit}
            labels={labels}
            data={table}
            onClose={() => setTable(null)}
          />
        </Suspense>
      ) : null}
    </figure>
  )
}

/** Room for the widest value of the unit, so that a changing figure does not move its neighbours. */
function valueWidth(unit: Unit): string {
  const isShort = unit === 'percent' || unit === 'load' || unit === 'count' || unit === 'celsius'
  return isShort ? 'min-w-[6.5ch]' : 'min-w-[9.5ch]'
}

interface Refs {
  host: RefObject<HTMLDivElement | null>
  values: RefObject<HTMLUListElement | null>
  time: RefObject<HTMLSpanElement | null>
  slider: RefObject<HTMLDivElement | null>
  empty: RefObject<HTMLDivElement | null>
}

/** Joins the canvas to its data: draws when something changed and somebody can see it. */
function useDriver(props: TimeChartProps, visible: boolean[], refs: Refs) {
  const theme = useResolvedTheme()
  const holdId = useId()
  const latest = useRef({ props, visible })
  latest.current = { props, visible }
  const plot = useRef<Plot | null>(null)
  const data = useRef<ChartData>(NO_DATA)
  const cursor = useRef<number | null>(null)
  const mark = useRef<Window | null>(null)
  const { unit, style = 'lines', top, source, viewport, syncKey, height = 168 } = props
  const colorKey = props.lines.map((line) => line.color).join()
  const labelKey = props.lines.map((line) => line.label).join('\n')

  const painter = useMemo(() => {
    let frame = 0
    let onScreen = false
    let dirty = true

    /** Words and figures around the canvas, for the crosshair or for the newest reading. */
    const label = () => {
      const { props: now } = latest.current
      const { t, lines } = data.current
      const window = now.viewport.window()
      const index = cursor.current
      const spans = refs.values.current?.querySelectorAll<HTMLElement>('[data-value]')
      const texts = now.lines.map((_line, at) => {
        const line = lines[at]
        if (!line) return NONE
        const values = now.statistic === 'max' && line.max ? line.max : line.value
        return withUnit(index === null ? lastKnown(values, t, window) : values[index], now.unit)
      })
      spans?.forEach((span, at) => {
        const text = texts[at] ?? NONE
        if (span.textContent !== text) span.textContent = text
      })
      const at = index === null ? undefined : t[index]
      if (refs.time.current) {
        refs.time.current.textContent =
          at === undefined
            ? ''
            : window.to - window.from > 86_400_000
              ? dateTime(at)
              : `${clock(at)}${markerNear(now.markers, at, window)}`
      }
      const slider = refs.slider.current
      if (slider && at !== undefined) {
        const share = (100 * (at - window.from)) / (window.to - window.from)
        slider.setAttribute('aria-valuenow', String(Math.round(Math.min(100, Math.max(0, share)))))
        slider.setAttribute(
          'aria-valuetext',
          `${dateTime(at)}: ${now.lines.map((line, i) => `${line.label} ${texts[i]}`).join(', ')}`,
        )
      }
    }

    const draw = () => {
      frame = 0
      const canvas = plot.current
      if (!canvas) return
      dirty = false
      const { props: now, visible: shown } = latest.current
      const window = now.viewport.window()
      data.current = now.source.read(window)
      canvas.draw(data.current, window, shown, now.statistic === 'max')
      if (refs.empty.current) {
        refs.empty.current.hidden = data.current.lines.some((line) =>
          line.value.some((value) => value !== null),
        )
      }
      label()
    }

    return {
      label,
      request: () => {
        dirty = true
        if (frame === 0 && onScreen && document.visibilityState === 'visible') {
          frame = requestAnimationFrame(draw)
        }
      },
      see: (now: boolean) => {
        onScreen = now
        if (now && dirty && frame === 0) frame = requestAnimationFrame(draw)
      },
      stop: () => {
        cancelAnimationFrame(frame)
        frame = 0
      },
    }
  }, [refs.values, refs.time, refs.slider, refs.empty])

  // The canvas itself; made anew when its lines or the theme's colours change.
  useEffect(() => {
    const element = refs.host.current
    if (!element) return
    const colors = readColors(theme)
    const numbers = colorKey === '' ? [] : colorKey.split(',').map(Number)
    plot.current = new Plot(
      element,
      { width: element.clientWidth, height },
      {
        unit,
        style,
        labels: labelKey === '' ? [] : labelKey.split('\n'),
        colors: numbers,
        top,
        bands: style === 'lines' && numbers.length <= 2,
      },
      colors,
      syncKey,
      {
        cursor: (index) => {
          if (cursor.current === index) return
          cursor.current = index
          painter.label()
        },
        zoom: (window) => latest.current.props.onZoom(window),
        zoomOut: () => latest.current.props.onZoomOut(),
        marker: (marker) => latest.current.props.onMarker(marker),
      },
    )
    plot.current.setMarkers(latest.current.props.markers)
    const resizer = new ResizeObserver(() => {
      plot.current?.resize(element.clientWidth, height)
    })
    resizer.observe(element)
    painter.request()
    return () => {
      resizer.disconnect()
      painter.stop()
      plot.current?.destroy()
      plot.current = null
      cursor.current = null
    }
  }, [unit, style, top, syncKey, height, colorKey, labelKey, theme, painter, refs.host])

  useEffect(() => {
    const element = refs.host.current
    if (!element) return
    const watcher = new IntersectionObserver(
      (entries) => painter.see(entries.some((entry) => entry.isIntersecting)),
      { rootMargin: '120px' },
    )
    watcher.observe(element)
    document.addEventListener('visibilitychange', painter.request)
    return () => {
      watcher.disconnect()
      document.removeEventListener('visibilitychange', painter.request)
    }
  }, [painter, refs.host])

  useEffect(() => {
    const stops = [source.subscribe(painter.request), viewport.subscribe(painter.request)]
    painter.request()
    return () => {
      for (const stop of stops) stop()
    }
  }, [source, viewport, painter])

  const { statistic, markers } = props
  useEffect(() => {
    // Both change what the next drawing shows; neither needs a new canvas.
    if (visible.length > 0 || statistic) painter.request()
  }, [visible, statistic, painter])
  useEffect(() => plot.current?.setMarkers(markers), [markers])

  /** Said to screen readers when the plot is focused; updating it every second would be noise. */
  const describe = () => {
    const figure = refs.slider.current?.closest('figure')
    const target = figure?.querySelector<HTMLElement>('[data-summary]')
    if (!target) return
    const { props: now } = latest.current
    const { from, to } = now.viewport.window()
    const parts = now.lines.map((line, index) => {
      const values = data.current.lines[index]
      if (!values) return `${line.label}: no readings`
      const found = summarize(values, data.current.t, from, to)
      if (found.last === null) return `${line.label}: no readings`
      const say = (value: number | null) => withUnit(value, now.unit)
      return `${line.label}: now ${say(found.last)}, lowest ${say(found.min)}, average ${say(found.avg)}, highest ${say(found.max)}`
    })
    target.textContent = `From ${dateTime(from)} to ${dateTime(to)}. ${parts.join('. ')}. Arrow keys read single values, Shift with arrows marks a stretch, Enter zooms to it, minus zooms out.`
  }

  const moveTo = (index: number) => {
    const time = data.current.t[index]
    if (time === undefined) return
    cursor.current = index
    plot.current?.point(time)
    painter.label()
  }

  const keyDown = (event: React.KeyboardEvent) => {
    const { t } = data.current
    const { from, to } = viewport.window()
    const first = Math.max(0, nearest(t, from))
    const last = nearest(t, to)
    if (last < 0) return
    const current = cursor.current ?? last
    const leap = event.ctrlKey || event.metaKey ? Math.max(1, Math.round((last - first) / 10)) : 1
    const steps: Record<string, number> = {
      ArrowLeft: current - leap,
      ArrowRight: current + leap,
      Home: first,
      End: last,
    }
    const step = steps[event.key]
    if (step !== undefined) {
      const next = Math.min(last, Math.max(first, step))
      if (event.shiftKey) {
        const anchor = mark.current?.from ?? t[current] ?? from
        mark.current = { from: anchor, to: t[next] ?? anchor }
      } else {
        mark.current = null
      }
      moveTo(next)
      plot.current?.mark(mark.current)
    } else if (event.key === 'Enter' && mark.current && mark.current.from !== mark.current.to) {
      const { from: a, to: b } = mark.current
      mark.current = null
      plot.current?.mark(null)
      props.onZoom({ from: Math.min(a, b), to: Math.max(a, b) })
    } else if (event.key === '-') {
      props.onZoomOut()
    } else if (event.key === 'Escape' && (mark.current || cursor.current !== null)) {
      mark.current = null
      plot.current?.mark(null)
      plot.current?.point(null)
    } else {
      return
    }
    event.preventDefault()
    event.stopPropagation()
  }

  return {
    keyDown,
    enter: () => viewport.hold(`pointer ${holdId}`),
    leave: () => viewport.release(`pointer ${holdId}`),
    focus: () => {
      describe()
      // Only the keyboard shows a focus ring; a click must not stop the time.
      if (refs.slider.current?.matches(':focus-visible')) viewport.hold(`focus ${holdId}`)
    },
    blur: () => {
      mark.current = null
      plot.current?.mark(null)
      plot.current?.point(null)
      viewport.release(`focus ${holdId}`)
    },
  }
}

/** The value at the end of the window; nothing when the readings stopped a while before it. */
function lastKnown(
  values: readonly (number | null)[],
  t: readonly number[],
  { from, to }: Window,
): number | null {
  const oldest = to - Math.max(STILL_NOW_MS, (to - from) / 40)
  for (let at = values.length - 1; at >= 0 && (t[at] ?? 0) >= oldest; at--) {
    const value = values[at]
    if (value !== null && value !== undefined) return value
  }
  return null
}

function markerNear(markers: readonly Marker[], at: number, window: Window): string {
  const reach = (window.to - window.from) / 80
  const near = markers.find((marker) => Math.abs(marker.at - at) <= reach)
  return near ? ` · ${near.label}` : ''
}
