/**
 * Joins what the history API answered with what came live since, for the lines of one chart. Where
 * readings are missing the lines break: a silent hour must not look like a steady one.
 */
import type { History } from '@/shared/api/model'
import type { ChartData, Line } from '@/shared/charts/data'
import type { Window } from '@/shared/charts/viewport'
import type { Ring } from '@/shared/metrics/ring'

type Values = readonly (number | null)[]

/** A line of a chart: a series as it is, or computed from several. */
export interface LineSource {
  inputs: readonly string[]
  /** Without it the first input is the value. Extremes are known for plain series only. */
  compute?: (values: readonly (number | null)[]) => number | null
}

/** Missing this many intervals in a row is a gap; one late reading is not. */
const GAP_STEPS = 2.5
/** The newest readings take a moment from the stream into the history. */
const SEAM_STEPS = GAP_STEPS + 1.5

interface Piece {
  t: readonly number[]
  /** Per input: what was measured or averaged, and the extremes where they are known. */
  read(name: string): { value: Values; min?: Values; max?: Values } | undefined
  step: number
}

function historyPiece(history: History): Piece {
  const byName = new Map(history.series.map((series) => [series.name, series]))
  const summedUp = history.resolution !== 'raw' || history.step_ms > 0
  return {
    t: history.t,
    step: history.step_ms,
    read: (name) => {
      const series = byName.get(name)
      if (!series) return undefined
      return {
        value: series.avg,
        min: summedUp ? series.min : undefined,
        max: summedUp ? series.max : undefined,
      }
    },
  }
}

function ringPiece(ring: Ring, after: number, step: number): Piece {
  let start = ring.length
  while (start > 0 && (ring.times[start - 1] ?? 0) > after) start -= 1
  return {
    t: ring.times.slice(start),
    step,
    read: (name) => {
      const column = ring.column(name)
      return column ? { value: column.slice(start) } : undefined
    },
  }
}

function lineOf(piece: Piece, source: LineSource): Line | undefined {
  const inputs = source.inputs.map((name) => piece.read(name))
  if (inputs.every((input) => input === undefined)) return undefined
  const [first] = inputs
  if (!source.compute) return first
  const { compute } = source
  return {
    value: piece.t.map((_time, at) => compute(inputs.map((input) => input?.value[at] ?? null))),
  }
}

export function merge(
  history: History | null,
  ring: Ring,
  sources: readonly LineSource[],
  window: Window,
  intervalMs: number,
): ChartData {
  const pieces: Piece[] = []
  const last = history?.t.at(-1)
  if (history && history.t.length > 0) pieces.push(historyPiece(history))
  pieces.push(ringPiece(ring, last ?? Number.NEGATIVE_INFINITY, intervalMs))

  const t: number[] = []
  const lines = sources.map(() => ({
    value: [] as (number | null)[],
    min: [] as (number | null)[],
    max: [] as (number | null)[],
    extremes: false,
  }))
  const put = (time: number, at: number, found: (Line | undefined)[]) => {
    t.push(time)
    for (const [index, line] of lines.entries()) {
      const piece = found[index]
      const value = piece?.value[at] ?? null
      line.value.push(value)
      line.min.push(piece?.min?.[at] ?? value)
      line.max.push(piece?.max?.[at] ?? value)
    }
  }

  let before: Piece | null = null
  for (const piece of pieces) {
    const found = sources.map((source) => lineOf(piece, source))
    for (const [index, line] of lines.entries()) {
      if (found[index]?.min && found[index]?.max) line.extremes = true
    }
    const step = Math.max(piece.step, intervalMs, 1)
    const seam = SEAM_STEPS * Math.max(step, before?.step ?? 0)
    before = piece
    for (let at = 0; at < piece.t.length; at++) {
      const time = piece.t[at] ?? 0
      // One reading beyond each edge keeps the line running to the edge of the plot.
      const next = piece.t[at + 1]
      if (time < window.from && next !== undefined && next < window.from) continue
      if (time > window.to && (t.at(-1) ?? 0) > window.to) break
      const previous = t.at(-1)
      if (previous !== undefined && time - previous > (at === 0 ? seam : GAP_STEPS * step)) {
        put(previous + step, -1, [])
      }
      put(time, at, found)
    }
  }
  return {
    t,
    lines: lines.map(({ value, min, max, extremes }) =>
      extremes ? { value, min, max } : { value },
    ),
  }
}

/** What one point of a chart stands for: "Every reading, 5 s apart", "1 min averages". */
export function resolutionText(history: History, intervalMs: number): string {
  // The API says 0 where every point is a single reading.
  const stepMs = history.step_ms || intervalMs
  const steps: [number, string][] = [
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ]
  const [size, unit] = steps.find(([ms]) => stepMs >= ms) ?? [1_000, 's']
  const step = `${Math.round((10 * stepMs) / size) / 10} ${unit}`
  return isSummedUp(history, intervalMs) ? `${step} averages` : `Every reading, ${step} apart`
}

/** Whether points stand for several readings, so that average and maximum differ. */
export function isSummedUp(history: History, intervalMs: number): boolean {
  return history.resolution !== 'raw' || history.step_ms > 1.5 * intervalMs
}
