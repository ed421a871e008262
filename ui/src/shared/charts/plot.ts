/**
 * One uPlot canvas: lines or a stack over time, with bands between the extremes of buckets, gaps
 * that stay gaps, a crosshair shared by all plots with the same key, and drag to zoom. Imperative:
 * `TimeChart` owns it and feeds it; nothing here knows React.
 */
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { Unit } from '../lib/format'
import { GUTTER, xLabels, xSplits, yIncrements, yLabels, yRange } from './axis'
import { type ChartColors, faded, seriesColor } from './colors'
import { type ChartData, nearest, stack, type Values } from './data'
import { drawHeat, heatRows } from './heat'
import type { Window } from './viewport'

/** Lines over each other, layers on each other, or rows of colour below each other. */
export type PlotStyle = 'lines' | 'stack' | 'heat'

export interface PlotShape {
  unit: Unit
  style: PlotStyle
  /** Names of the lines; shown at the rows of a heat map. */
  labels: readonly string[]
  /** Colour number of each line. */
  colors: number[]
  /** Upper end of the scale, where there is a natural one. */
  top?: number
  /** Whether min-max bands are drawn; sensible for few lines only. */
  bands: boolean
}

export interface Marker {
  at: number
  tone: 'ok' | 'warn' | 'bad' | 'off'
  label: string
}

export interface PlotEvents {
  /** The crosshair moved, here or in another plot; null: gone. */
  cursor(index: number | null): void
  zoom(window: Window): void
  zoomOut(): void
  marker(marker: Marker): void
}

const FONT = '11px "Inter Variable", sans-serif'
/** Opacity of the layers of a stack. */
const LAYER = 0.32
const MARKER_REACH_PX = 6
/** A click is no drag, and a drag of two pixels no zoom. */
const DRAG_PX = 8

export class Plot {
  readonly #plot: uPlot
  readonly #shape: PlotShape
  readonly #events: PlotEvents
  #data: ChartData = { t: [], lines: [] }
  #shown: boolean[]
  #useMax = false
  #markers: readonly Marker[] = []

  constructor(
    host: HTMLElement,
    size: { width: number; height: number },
    shape: PlotShape,
    colors: ChartColors,
    syncKey: string,
    events: PlotEvents,
  ) {
    this.#shape = shape
    this.#events = events
    this.#shown = shape.colors.map(() => true)
    this.#plot = new uPlot(this.#options(size, colors, syncKey), [[]], host)
    this.#plot.over.addEventListener('click', this.#click)
  }

  destroy(): void {
    this.#plot.over.removeEventListener('click', this.#click)
    this.#plot.destroy()
  }

  resize(width: number, height: number): void {
    if (width !== this.#plot.width || height !== this.#plot.height) {
      this.#plot.setSize({ width, height })
    }
  }

  setMarkers(markers: readonly Marker[]): void {
    this.#markers = markers
    this.#plot.redraw(false, false)
  }

  /** Draws `data` in `window`. `useMax`: the lines are the maxima of buckets, not their averages. */
  draw(data: ChartData, window: Window, shown: readonly boolean[], useMax: boolean): void {
    this.#data = data
    this.#shown = [...shown]
    this.#useMax = useMax
    const aligned = this.#aligned()
    const plot = this.#plot
    plot.batch(() => {
      for (const [index, show] of shown.entries()) {
        const column = this.#column(index)
        if (plot.series[column]?.show !== show) plot.setSeries(column, { show })
      }
      plot.setData(aligned, false)
      plot.setScale('x', { min: window.from, max: window.to })
    })
  }

  /** Puts the crosshair on a reading, in all plots of the page; null takes it away. */
  point(time: number | null): void {
    const plot = this.#plot
    const left = time === null ? -10 : plot.valToPos(time, 'x')
    const top = time === null ? -10 : plot.over.clientHeight / 2
    plot.setCursor({ left, top })
    const key = plot.cursor.sync?.key
    if (key) {
      const { clientWidth, clientHeight } = plot.over
      const index = time === null ? 0 : nearest(this.#data.t, time)
      uPlot
        .sync(key)
        .pub(
          time === null ? 'mouseleave' : 'mousemove',
          plot,
          left,
          top,
          clientWidth,
          clientHeight,
          index,
        )
    }
  }

  /** Shows a stretch as chosen, as dragging does; null clears it. */
  mark(window: Window | null): void {
    const plot = this.#plot
    if (!window) {
      plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
      return
    }
    const left = plot.valToPos(Math.min(window.from, window.to), 'x')
    const right = plot.valToPos(Math.max(window.from, window.to), 'x')
    plot.setSelect({ left, top: 0, width: right - left, height: plot.over.clientHeight }, false)
  }

  /** Which of uPlot's series draws a line; stacks are drawn from the top layer down. */
  #column(line: number): number {
    return this.#shape.style === 'stack' ? this.#shape.colors.length - line : line + 1
  }

  #lineValues(): Values[] {
    return this.#data.lines.map((line) => (this.#useMax && line.max ? line.max : line.value))
  }

  #aligned(): uPlot.AlignedData {
    const { t, lines } = this.#data
    const count = this.#shape.colors.length
    const empty = new Array<null>(t.length).fill(null)
    const values = this.#lineValues()
    while (values.length < count) values.push(empty)
    // The lowest layer is drawn last, so that empty layers above it do not cover its line.
    const drawn = this.#shape.style === 'stack' ? stack(values, this.#shown).reverse() : values
    const columns: Values[] = [t, ...drawn]
    if (this.#shape.bands) {
      for (let index = 0; index < count; index++) {
        const line = lines[index]
        const wanted = line?.min && line.max && this.#shown[index]
        columns.push(wanted ? (line.max ?? empty) : empty, wanted ? (line.min ?? empty) : empty)
      }
    }
    return columns as unknown as uPlot.AlignedData
  }

  #options(
    size: { width: number; height: number },
    colors: ChartColors,
    syncKey: string,
  ): uPlot.Options {
    const { unit, style, bands, top, labels } = this.#shape
    const stacked = style === 'stack'
    const heat = style === 'heat'
    const inOrder = this.#shape.colors.map((number) => seriesColor(colors, number))
    const strokes = stacked ? inOrder.reverse() : inOrder
    const alone = strokes.length === 1
    const lines: uPlot.Series[] = strokes.map((stroke, index) => ({
      stroke,
      width: 1.5,
      paths: heat ? () => null : undefined,
      // In a stack the lowest layer stands on the axis, the others on the one below them.
      fill:
        stacked && index === strokes.length - 1
          ? faded(stroke, LAYER)
          : alone
            ? faded(stroke, 0.1)
            : undefined,
      spanGaps: false,
      points: { show: false, size: 4, fill: stroke, filter: heat ? null : isolated },
    }))
    const extremes: uPlot.Series[] = bands
      ? strokes.flatMap(() => [
          { width: 0, points: { show: false } },
          { width: 0, points: { show: false } },
        ])
      : []
    return {
      ...size,
      ms: 1,
      pxAlign: 1,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      series: [{}, ...lines, ...extremes],
      bands: [
        ...(stacked
          ? strokes.slice(0, -1).map((stroke, index) => ({
              series: [index + 1, index + 2] as [number, number],
              fill: faded(stroke, LAYER),
            }))
          : []),
        ...(bands
          ? strokes.map((stroke, index) => ({
              series: [strokes.length + 1 + index * 2, strokes.length + 2 + index * 2] as [
                number,
                number,
              ],
              fill: faded(stroke, 0.18),
            }))
          : []),
      ],
      scales: {
        x: { time: false, auto: false },
        y: heat
          ? { range: [0, labels.length], dir: -1 }
          : { range: (_plot, min, max) => yRange(unit, min ?? null, max ?? null, top) },
      },
      axes: [
        {
          font: FONT,
          stroke: colors.text,
          size: 26,
          gap: 4,
          grid: { show: false },
          ticks: { stroke: colors.grid, width: 1, size: 4 },
          splits: xSplits,
          values: (_plot, splits) =>
            xLabels(splits, splits.length > 1 ? (splits[1] ?? 0) - (splits[0] ?? 0) : 60_000),
        },
        {
          font: FONT,
          stroke: colors.text,
          size: GUTTER,
          gap: 6,
          space: 30,
          grid: { show: !heat, stroke: colors.grid, width: 1 },
          ticks: { show: false },
          incrs: heat ? undefined : yIncrements(unit),
          splits: heat ? heatRows(labels.length).map((row) => row + 0.5) : undefined,
          values: (_plot, splits) =>
            heat ? splits.map((row) => labels[Math.floor(row)] ?? '') : yLabels(unit, splits),
        },
      ],
      cursor: {
        y: false,
        points: {
          show: !heat,
          size: 7,
          width: 1.5,
          stroke: colors.surface,
          fill: (_plot, index) => strokes[index - 1] ?? 'transparent',
        },
        drag: { x: true, y: false, setScale: false, dist: DRAG_PX },
        sync: {
          key: syncKey,
          setSeries: false,
          scales: ['x', null],
          filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' },
        },
        bind: {
          dblclick: () => () => {
            this.#events.zoomOut()
            return null
          },
        },
      },
      hooks: {
        setCursor: [(plot) => this.#events.cursor(this.#cursorIndex(plot))],
        setSelect: [(plot) => this.#selected(plot)],
        draw: [
          (plot) => {
            if (heat) drawHeat(plot, this.#data.t, this.#lineValues(), this.#shown, colors)
            this.#drawMarkers(plot, colors)
          },
        ],
      },
    }
  }

  #cursorIndex(plot: uPlot): number | null {
    if ((plot.cursor.left ?? -1) < 0) return null
    return plot.cursor.idx ?? null
  }

  #selected(plot: uPlot): void {
    const { left, width } = plot.select
    if (width < DRAG_PX) return
    const window = { from: plot.posToVal(left, 'x'), to: plot.posToVal(left + width, 'x') }
    this.mark(null)
    this.#events.zoom(window)
  }

  #click = (): void => {
    const left = this.#plot.cursor.left ?? -1
    const near = this.#markers.find(
      (marker) => Math.abs(this.#plot.valToPos(marker.at, 'x') - left) <= MARKER_REACH_PX,
    )
    if (near) this.#events.marker(near)
  }

  #drawMarkers(plot: uPlot, colors: ChartColors): void {
    const { left, top, width, height } = plot.bbox
    const { ctx } = plot
    const scale = devicePixelRatio
    ctx.save()
    ctx.lineWidth = scale
    for (const marker of this.#markers) {
      const x = Math.round(plot.valToPos(marker.at, 'x', true))
      if (x < left || x > left + width) continue
      ctx.strokeStyle = colors[marker.tone]
      ctx.fillStyle = colors[marker.tone]
      ctx.setLineDash([3 * scale, 3 * scale])
      ctx.beginPath()
      ctx.moveTo(x + 0.5, top)
      ctx.lineTo(x + 0.5, top + height)
      ctx.stroke()
      ctx.setLineDash([])
      ctx.beginPath()
      ctx.moveTo(x - 4 * scale, top - 5 * scale)
      ctx.lineTo(x + 4 * scale, top - 5 * scale)
      ctx.lineTo(x, top + 2 * scale)
      ctx.fill()
    }
    ctx.restore()
  }
}

/** A reading between two gaps has no neighbour to draw a line to: it gets a dot. */
function isolated(plot: uPlot, series: number): number[] | null {
  const values = plot.data[series] as Values | undefined
  if (!values) return null
  const found: number[] = []
  for (let at = 0; at < values.length; at++) {
    if (values[at] === null || values[at] === undefined) continue
    if ((values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null) found.push(at)
  }
  return found.length > 0 ? found : null
}
