/**
 * Many lines of the same kind, one below the other: time runs to the right, strength is colour. For
 * shares of 0 to 100 %, where dozens of lines over each other would be a tangle.
 */
import type uPlot from 'uplot'
import type { ChartColors } from './colors'
import type { Values } from './data'

const MOST_LABELS = 8
/** So faint that an idle row is still a row. */
const FAINTEST = 0.05

/** Every k-th row gets a label, so that they do not touch. */
export function heatRows(count: number): number[] {
  const step = Math.max(1, Math.ceil(count / MOST_LABELS))
  const rows: number[] = []
  for (let row = 0; row < count; row += step) rows.push(row)
  return rows
}

export function drawHeat(
  plot: uPlot,
  t: readonly number[],
  rows: readonly Values[],
  shown: readonly boolean[],
  colors: ChartColors,
): void {
  const { left, top, width, height } = plot.bbox
  const { ctx } = plot
  const rowHeight = height / Math.max(1, rows.length)
  const gap = rowHeight > 6 ? 1 : 0
  const edges = t.map((time) => plot.valToPos(time, 'x', true))
  // A point stands for the time up to the next one; the last one for as long as the one before.
  edges.push((edges.at(-1) ?? 0) + usualStep(edges))
  ctx.save()
  ctx.beginPath()
  ctx.rect(left, top, width, height)
  ctx.clip()
  ctx.fillStyle = colors.accent
  for (const [row, values] of rows.entries()) {
    if (!shown[row]) continue
    const y = top + row * rowHeight
    for (let at = 0; at < t.length; at++) {
      const value = values[at]
      const from = edges[at] ?? 0
      const to = edges[at + 1] ?? from
      if (value === null || value === undefined || to < left || from > left + width) continue
      ctx.globalAlpha = FAINTEST + (1 - FAINTEST) * Math.min(1, Math.max(0, value / 100))
      ctx.fillRect(from, y, to - from + 0.5, rowHeight - gap)
    }
  }
  ctx.restore()
}

function usualStep(edges: readonly number[]): number {
  const last = edges.at(-1) ?? 0
  const before = edges.at(-2) ?? last
  return last - before
}
