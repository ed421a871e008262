/** Scales and tick labels that suit the unit. */
import type uPlot from 'uplot'
import { axisLabel, type Unit } from '../lib/format'
import { clock, clockShort, day } from '../lib/time'

/** One left edge for all plots of a page. */
export const GUTTER = 66
const DAY = 86_400_000

const BINARY_STEPS = Array.from({ length: 60 }, (_, power) => 2 ** power)

export function isBinary(unit: Unit): boolean {
  return unit === 'bytes' || unit === 'bytes_per_s'
}

export function yIncrements(unit: Unit): number[] | undefined {
  return isBinary(unit) ? BINARY_STEPS : undefined
}

/** Least height of the scale, so that noise at the bottom does not look like a storm. */
const FLOOR: Record<Unit, number> = {
  percent: 5,
  bytes: 1024 * 1024,
  bytes_per_s: 8 * 1024,
  per_s: 4,
  count: 4,
  load: 1,
  celsius: 10,
  ms: 2,
  seconds: 60,
}

function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  for (const step of [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]) {
    if (value <= step * power) return step * power
  }
  return value
}

function roundUpBinary(value: number): number {
  const power = 2 ** Math.floor(Math.log2(value))
  for (const step of [1, 1.25, 1.5, 1.75, 2]) {
    if (value <= step * power) return step * power
  }
  return value
}

/**
 * The y range for data between `min` and `max`. Starts at 0, except for temperatures; `top` (the
 * memory that is installed, for example) fixes the upper end.
 */
export function yRange(
  unit: Unit,
  min: number | null,
  max: number | null,
  top?: number,
): [number, number] {
  if (unit === 'celsius') {
    const low = min ?? 20
    const high = max ?? 60
    return [Math.max(0, Math.floor((low - 5) / 10) * 10), Math.ceil((high + 5) / 10) * 10]
  }
  if (top !== undefined && top > 0) return [0, Math.max(top, max ?? 0)]
  const wanted = Math.max(FLOOR[unit], (max ?? 0) * 1.08)
  const rounded = isBinary(unit) ? roundUpBinary(wanted) : roundUp(wanted)
  // A share of the whole machine never needs more than 100 %, though rounded parts may add up to a
  // little more; a share of one core may be several hundred.
  if (unit === 'percent' && (max ?? 0) <= 101) return [0, Math.min(100, rounded)]
  return [0, rounded]
}

export function yLabels(unit: Unit, splits: readonly number[]): string[] {
  return splits.map((value) => axisLabel(value, unit))
}

/** 24-hour clock; the date where a day begins or where days are the steps. */
export function xLabels(splits: readonly number[], step: number): string[] {
  return splits.map((ms, index) => {
    if (step >= DAY) return day(ms).slice(5)
    const startsDay = clock(ms) === '00:00:00'
    if (startsDay && (index > 0 || step >= 3_600_000)) return day(ms).slice(5)
    return step < 60_000 ? clock(ms) : clockShort(ms)
  })
}

const X_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 43_200,
  86_400, 172_800, 432_000, 864_000, 1_728_000, 2_592_000, 5_184_000,
].map((seconds) => seconds * 1_000)

/** Ticks on round times of the user's zone, about `space` pixels apart. */
export const xSplits: uPlot.Axis.Splits = (u, _axis, min, max) => {
  const width = Math.max(1, u.bbox.width / devicePixelRatio)
  const wanted = ((max - min) / width) * 84
  const step = X_STEPS.find((candidate) => candidate >= wanted) ?? X_STEPS.at(-1) ?? DAY
  const zone = new Date(min).getTimezoneOffset() * 60_000
  const first = Math.ceil((min - zone) / step) * step + zone
  const ticks: number[] = []
  for (let at = first; at <= max; at += step) ticks.push(at)
  return ticks
}
