/** Where lines, limits and stretches of a small chart lie. Pure: pixels from numbers. */
import { yRange } from '@/shared/charts/axis'
import type { Unit } from '@/shared/lib/format'

export interface Curve {
  label: string
  points: readonly { at: number; value: number | null }[]
}

export interface Frame {
  width: number
  height: number
  /** Of the plot inside: room for the labels of the axes is outside of it. */
  left: number
  bottom: number
}

export interface Scale {
  from: number
  to: number
  low: number
  high: number
}

/** Holds all values and limits; from 0 where nothing is below it, up to a round number. */
export function scaleOf(
  unit: Unit,
  curves: readonly Curve[],
  limits: readonly number[],
  window?: { from: number; to: number },
): Scale {
  const points = curves.flatMap(({ points }) => points)
  const times = points.map(({ at }) => at)
  const all = [...points.flatMap(({ value }) => (value === null ? [] : [value])), ...limits]
  const least = all.reduce((found, value) => Math.min(found, value), 0)
  const most = all.reduce((found, value) => Math.max(found, value), 0)
  const from = window?.from ?? Math.min(...times)
  const to = window?.to ?? Math.max(...times)
  return {
    from,
    // One reading alone stands in the middle of a second.
    to: to > from ? to : from + 1_000,
    low: least < 0 ? least * 1.05 : 0,
    high: most > 0 ? yRange(unit, 0, most)[1] : least < 0 ? 0 : 1,
  }
}

export const xOf = (at: number, { from, to }: Scale, { left, width }: Frame): number =>
  left + ((at - from) / (to - from)) * (width - left)

export const yOf = (value: number, { low, high }: Scale, { bottom, height }: Frame): number =>
  height - bottom - ((value - low) / (high - low)) * (height - bottom - 6)

/** The path of a curve; a missing value is a gap, a value between two gaps a short stroke. */
export function pathOf(curve: Curve, scale: Scale, frame: Frame): string {
  let path = ''
  let pen = 'M'
  for (const { at, value } of curve.points) {
    if (value === null) {
      pen = 'M'
      continue
    }
    const x = xOf(at, scale, frame).toFixed(1)
    const y = yOf(value, scale, frame).toFixed(1)
    path += pen === 'M' ? `M${x} ${y}h.1` : `L${x} ${y}`
    pen = 'L'
  }
  return path
}

/** Left and width of a stretch, cut at the edges; never thinner than can be seen. */
export function bandOf(
  band: { from: number; to: number },
  scale: Scale,
  frame: Frame,
): { x: number; width: number } {
  const x = Math.max(frame.left, Math.min(frame.width, xOf(band.from, scale, frame)))
  const end = Math.max(x, Math.min(frame.width, xOf(band.to, scale, frame)))
  return { x, width: Math.max(2, end - x) }
}
