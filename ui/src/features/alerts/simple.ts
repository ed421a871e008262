/**
 * A condition that is one comparison, as fields of a form. What is more than that keeps its wording: a
 * form for brackets would be harder to read than the line. Pure.
 */
import { timeMs, timeText } from './times'

export const COMPARISONS = ['>', '>=', '<', '<=', '=', '!='] as const
export type Comparison = (typeof COMPARISONS)[number]
export const AGGREGATES = ['avg', 'min', 'max', 'change', 'rate'] as const
export type Aggregate = (typeof AGGREGATES)[number]

export interface Simple {
  series: string
  /** Empty: the number by itself. */
  aggregate: Aggregate | ''
  over: string
  comparison: Comparison
  limit: string
  /** Empty: over as soon as the comparison does not hold any more. */
  clear: string
  wait: string
  keep: string
}

/** The parts of a condition that the form shows; as the API answers them. */
export interface Parsed {
  when: unknown
  for_ms?: number
  keep_ms?: number
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

/** Null when the condition is not one comparison. */
export function simpleOf({ when, for_ms = 0, keep_ms = 0 }: Parsed): Simple | null {
  const compare = isRecord(when) ? when.compare : undefined
  if (!isRecord(compare) || !isRecord(compare.measure) || !isRecord(compare.threshold)) return null
  const { series, window } = compare.measure
  const { comparison, limit, clear } = compare.threshold
  const around = isRecord(window) ? window : null
  return {
    series: String(series),
    aggregate: around ? (around.aggregate as Aggregate) : '',
    over: around ? timeText(Number(around.over_ms)) : '5m',
    comparison: comparison as Comparison,
    limit: String(limit),
    clear: typeof clear === 'number' ? String(clear) : '',
    wait: for_ms > 0 ? timeText(for_ms) : '',
    keep: keep_ms > 0 ? timeText(keep_ms) : '',
  }
}

const quoted = (series: string): string => (/[\s()<>=!,"]/.test(series) ? `"${series}"` : series)

/** The line that says the same. */
export function wordingOf(form: Simple): string {
  const series = quoted(form.series.trim())
  const measure = form.aggregate ? `${form.aggregate}(${series}, ${form.over.trim()})` : series
  const parts = [measure, form.comparison, form.limit.trim()]
  if (form.clear.trim()) parts.push('clear', form.clear.trim())
  if (form.wait.trim()) parts.push('for', form.wait.trim())
  if (form.keep.trim()) parts.push('keep', form.keep.trim())
  return parts.join(' ')
}

const NUMBER = /^-?\d+(\.\d+)?(%|Ki|Mi|Gi|Ti|[kMGT])?$/

export type SimpleProblems = Partial<Record<keyof Simple, string>>

/** What cannot be right in the fields; the API judges the rest. */
export function simpleProblems(form: Simple): SimpleProblems {
  const found: SimpleProblems = {}
  if (form.series.trim() === '') found.series = 'Say what to look at'
  if (!NUMBER.test(form.limit.trim())) found.limit = 'Use a number, such as 90, 1.5 or 2Gi'
  if (form.clear.trim() && !NUMBER.test(form.clear.trim())) {
    found.clear = 'Use a number, or leave it empty'
  }
  const time = 'Use a time, such as 30s or 1h30m'
  if (form.aggregate && timeMs(form.over) === null) found.over = time
  if (form.wait.trim() && timeMs(form.wait) === null) found.wait = time
  if (form.keep.trim() && timeMs(form.keep) === null) found.keep = time
  return found
}

/** Limits that can be drawn, in the order of the comparisons of the condition. */
export function limitsOf(when: unknown): { limit: number; clear: number | null }[] {
  if (!isRecord(when)) return []
  const { compare, all, any } = when
  if (isRecord(compare) && isRecord(compare.threshold)) {
    const { limit, clear } = compare.threshold
    return [{ limit: Number(limit), clear: typeof clear === 'number' ? clear : null }]
  }
  const parts = Array.isArray(all) ? all : Array.isArray(any) ? any : []
  return parts.flatMap(limitsOf)
}

/** The same wording with another time to wait. */
export function withWait(wording: string, ms: number): string {
  const keep = /\s+keep\s+\S+\s*$/.exec(wording)?.[0] ?? ''
  const rest = wording.slice(0, wording.length - keep.length).replace(/\s+for\s+\S+\s*$/, '')
  return `${rest}${ms > 0 ? ` for ${timeText(ms)}` : ''}${keep}`
}

/** Names of the numbers that a condition looks at, in its order; those without a window can be drawn from history. */
export function measuresOf(when: unknown): { series: string; windowed: boolean }[] {
  if (!isRecord(when)) return []
  const { compare, changed, all, any } = when
  for (const one of [compare, changed]) {
    if (isRecord(one) && isRecord(one.measure)) {
      return [{ series: String(one.measure.series), windowed: isRecord(one.measure.window) }]
    }
  }
  const parts = Array.isArray(all) ? all : Array.isArray(any) ? any : []
  return parts.flatMap(measuresOf)
}

/** Whether a condition looks at what happens, such as `down`, instead of at numbers. */
export const isFact = (when: unknown): boolean => isRecord(when) && 'fact' in when
