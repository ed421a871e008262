/**
 * The numbers of one chart: a time axis in ms and, per line, what was measured (or the average of a
 * bucket) with the bucket's extremes where there are any. `null` is "nothing known": a gap.
 */
export type Values = readonly (number | null)[]

export interface Line {
  value: Values
  min?: Values
  max?: Values
}

export interface ChartData {
  t: readonly number[]
  lines: readonly Line[]
}

export const NO_DATA: ChartData = { t: [], lines: [] }

/** Sums from the first shown line upwards. Unknown parts count as nothing, unless all are unknown. */
export function stack(lines: readonly Values[], shown: readonly boolean[]): (number | null)[][] {
  const length = lines[0]?.length ?? 0
  let below: (number | null)[] = new Array<number | null>(length).fill(null)
  return lines.map((values, index) => {
    if (!shown[index]) return below
    below = below.map((base, at) => {
      const value = values[at] ?? null
      if (value === null) return base
      return (base ?? 0) + value
    })
    return below
  })
}

export interface Summary {
  last: number | null
  min: number | null
  avg: number | null
  max: number | null
}

export function summarize(line: Line, t: readonly number[], from: number, to: number): Summary {
  let last: number | null = null
  let min: number | null = null
  let max: number | null = null
  let sum = 0
  let known = 0
  for (let at = 0; at < t.length; at++) {
    const time = t[at] ?? 0
    if (time < from || time > to) continue
    const value = line.value[at]
    if (value === null || value === undefined) continue
    last = value
    sum += value
    known += 1
    const low = line.min?.[at] ?? value
    const high = line.max?.[at] ?? value
    if (min === null || low < min) min = low
    if (max === null || high > max) max = high
  }
  return { last, min, max, avg: known > 0 ? sum / known : null }
}

/** Index of the reading nearest to `time`; -1 when there are none. */
export function nearest(t: readonly number[], time: number): number {
  let low = 0
  let high = t.length - 1
  if (high < 0) return -1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((t[middle] ?? 0) <= time) low = middle
    else high = middle
  }
  return time - (t[low] ?? 0) <= (t[high] ?? 0) - time ? low : high
}

function cell(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** One row per time (ISO, UTC); columns per line, with min and max where they are known. */
export function toCsv(data: ChartData, labels: readonly string[]): string {
  const head = ['time']
  for (const [index, label] of labels.entries()) {
    head.push(label)
    if (data.lines[index]?.min) head.push(`${label} min`)
    if (data.lines[index]?.max) head.push(`${label} max`)
  }
  const rows = data.t.map((time, at) => {
    const row = [new Date(time).toISOString()]
    const put = (value: number | null | undefined) =>
      row.push(value === null || value === undefined ? '' : String(value))
    for (const line of data.lines) {
      put(line.value[at])
      if (line.min) put(line.min[at])
      if (line.max) put(line.max[at])
    }
    return row.join(',')
  })
  return [head.map(cell).join(','), ...rows, ''].join('\r\n')
}
