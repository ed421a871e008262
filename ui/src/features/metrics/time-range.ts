/**
 * The window of time a page looks at, as it stands in the URL.
 *
 * Relative windows end now and move; absolute ones stay. Parsing accepts what people type: `3h`,
 * `90 min`, `now-6h`, `now-2d to now-1d`, `today`, `yesterday`, ISO times, `2026-11-22 10:00 to
 * 11:30`. Times without a zone are in the user's zone.
 */
import { clockShort, dateTime, day } from '@/shared/lib/time'

export type TimeRange =
  | { kind: 'relative'; ms: number }
  | { kind: 'absolute'; from: number; to: number }

export interface Window {
  from: number
  to: number
}

const UNITS: Record<string, number> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

const UNIT_WORDS: [RegExp, string][] = [
  [/^(s|sec|secs|second|seconds)$/, 's'],
  [/^(m|min|mins|minute|minutes)$/, 'm'],
  [/^(h|hr|hrs|hour|hours)$/, 'h'],
  [/^(d|day|days)$/, 'd'],
  [/^(w|week|weeks)$/, 'w'],
]

export const MIN_SPAN_MS = 10_000
export const MAX_SPAN_MS = 2 * 365 * 86_400_000
/** Up to here the newest readings are appended one by one; beyond, history is asked again. */
export const LIVE_SPAN_MS = 3_600_000

export const PRESETS: readonly { value: string; label: string }[] = [
  { value: '5m', label: 'Last 5 minutes' },
  { value: '15m', label: 'Last 15 minutes' },
  { value: '1h', label: 'Last hour' },
  { value: '6h', label: 'Last 6 hours' },
  { value: '24h', label: 'Last 24 hours' },
  { value: '7d', label: 'Last 7 days' },
  { value: '30d', label: 'Last 30 days' },
  { value: '90d', label: 'Last 90 days' },
]

export const DEFAULT_RANGE: TimeRange = { kind: 'relative', ms: 15 * 60_000 }

/** `90m`, `1.5 h`, `2 days` in ms; null for anything else. */
export function parseDuration(text: string): number | null {
  const found = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/.exec(text.trim().toLowerCase())
  if (!found) return null
  const unit = UNIT_WORDS.find(([pattern]) => pattern.test(found[2] ?? ''))?.[1]
  const factor = unit === undefined ? undefined : UNITS[unit]
  return factor === undefined ? null : Math.round(Number(found[1]) * factor)
}

/** The shortest exact form: `15m`, `36h`, `7d`. */
export function durationText(ms: number): string {
  for (const unit of ['w', 'd', 'h', 'm'] as const) {
    const size = UNITS[unit] ?? 1
    if (ms % size === 0 && (unit !== 'w' || ms / size > 4) && (unit !== 'd' || ms / size > 1)) {
      return `${ms / size}${unit}`
    }
  }
  return `${Math.round(ms / 1000)}s`
}

function startOfDay(ms: number): number {
  const at = new Date(ms)
  at.setHours(0, 0, 0, 0)
  return at.getTime()
}

function parseInstant(text: string, now: number): number | null {
  const trimmed = text.trim()
  if (trimmed === 'now') return now
  const ago = /^now\s*-\s*(.+)$/.exec(trimmed)
  if (ago) {
    const span = parseDuration(ago[1] ?? '')
    return span === null ? null : now - span
  }
  if (trimmed === 'today') return startOfDay(now)
  if (trimmed === 'yesterday') return startOfDay(startOfDay(now) - 1)
  if (/^\d{13}$/.test(trimmed)) return Number(trimmed)
  const time = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(trimmed)
  if (time) {
    const at = new Date(now)
    at.setHours(Number(time[1]), Number(time[2]), Number(time[3] ?? 0), 0)
    return at.getTime()
  }
  if (!/^\d{4}-\d{2}-\d{2}/.test(trimmed)) return null
  const dateOnly = /^\d{4}-\d{2}-\d{2}$/.test(trimmed)
  const parsed = Date.parse(dateOnly ? `${trimmed}T00:00:00` : trimmed.replace(' ', 'T'))
  return Number.isNaN(parsed) ? null : parsed
}

/** Null: not understood, empty, turned round or longer than anything is kept. */
export function parseRange(text: string, now: number): TimeRange | null {
  const input = text.trim().toLowerCase().replaceAll(/\s+/g, ' ')
  const span = parseDuration(input.replace(/^(last|now ?-) ?/, ''))
  if (span !== null) return bounded({ kind: 'relative', ms: span })
  if (input === 'today') return bounded({ kind: 'absolute', from: startOfDay(now), to: now })
  if (input === 'yesterday') {
    const to = startOfDay(now)
    return bounded({ kind: 'absolute', from: startOfDay(to - 1), to })
  }
  // A slash also stands inside no date we accept, so it may separate as ISO 8601 has it.
  const parts = input
    .toUpperCase()
    .replace(/ TO | – | UNTIL |\/|\.\./, '|')
    .toLowerCase()
    .split('|')
  if (parts.length !== 2) return null
  const from = parseInstant(isoCase(parts[0] ?? ''), now)
  let to = parseInstant(isoCase(parts[1] ?? ''), now)
  if (from === null || to === null) return null
  // "2026-11-22 10:00 to 11:30" means the same day.
  if (/^\s*\d{1,2}:\d{2}/.test(parts[1] ?? '') && /^\s*\d{4}-/.test(parts[0] ?? '')) {
    to = parseInstant(`${day(from)} ${(parts[1] ?? '').trim()}`, now) ?? to
  }
  return bounded({ kind: 'absolute', from, to })
}

const isoCase = (text: string): string =>
  /^\s*\d{4}-/.test(text) ? text.trim().replace('t', 'T').replace('z', 'Z') : text

export function bounded(range: TimeRange): TimeRange | null {
  const span = range.kind === 'relative' ? range.ms : range.to - range.from
  return span >= MIN_SPAN_MS && span <= MAX_SPAN_MS ? range : null
}

export function windowOf(range: TimeRange, now: number): Window {
  return range.kind === 'relative'
    ? { from: now - range.ms, to: now }
    : { from: range.from, to: range.to }
}

export function spanOf(range: TimeRange): number {
  return range.kind === 'relative' ? range.ms : range.to - range.from
}

/** Twice as much time around the same middle, never beyond now. */
export function zoomOut(range: TimeRange, now: number): TimeRange {
  const { from, to } = windowOf(range, now)
  const span = Math.min((to - from) * 2, MAX_SPAN_MS)
  if (range.kind === 'relative') return { kind: 'relative', ms: span }
  const middle = (from + to) / 2
  const end = Math.min(now, Math.round(middle + span / 2))
  return { kind: 'absolute', from: end - span, to: end }
}

/** Half a window back (-1) or forward (1); forward stops at now. */
export function shift(range: TimeRange, direction: -1 | 1, now: number): TimeRange {
  const { from, to } = windowOf(range, now)
  const step = Math.round((to - from) / 2) * direction
  const end = Math.min(now, to + step)
  return { kind: 'absolute', from: end - (to - from), to: end }
}

/** The search parameters of a range; the default leaves the URL clean. */
export interface RangeSearch {
  range?: string
  from?: number
  to?: number
}

export function toSearch(range: TimeRange): RangeSearch {
  if (range.kind === 'absolute') {
    return { range: undefined, from: Math.round(range.from), to: Math.round(range.to) }
  }
  const isDefault = DEFAULT_RANGE.kind === 'relative' && range.ms === DEFAULT_RANGE.ms
  return { range: isDefault ? undefined : durationText(range.ms), from: undefined, to: undefined }
}

export function fromSearch(search: RangeSearch): TimeRange {
  if (search.from !== undefined && search.to !== undefined) {
    const range = bounded({ kind: 'absolute', from: search.from, to: search.to })
    if (range) return range
  }
  const span = search.range === undefined ? null : parseDuration(search.range)
  return (span === null ? null : bounded({ kind: 'relative', ms: span })) ?? DEFAULT_RANGE
}

/** For the button: "Last 15 minutes", "14:03 – 14:20", "2026-11-22 14:03 – 2026-11-23 09:00". */
export function rangeLabel(range: TimeRange): string {
  if (range.kind === 'relative') {
    const text = durationText(range.ms)
    return PRESETS.find((preset) => preset.value === text)?.label ?? `Last ${text}`
  }
  const { from, to } = range
  const minute = (ms: number) =>
    spanOf(range) < 600_000 ? dateTime(ms) : `${day(ms)} ${clockShort(ms)}`
  const end = day(from) === day(to) ? minute(to).slice(11) : minute(to)
  return `${minute(from)} – ${end}`
}

/** For the clipboard: exact, and understood by `parseRange`. */
export function rangeCopy(range: TimeRange): string {
  if (range.kind === 'relative') return `now-${durationText(range.ms)} to now`
  return `${new Date(range.from).toISOString()} to ${new Date(range.to).toISOString()}`
}
