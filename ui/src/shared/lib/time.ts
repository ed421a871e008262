/** Times as text: the user's zone, 24 hours, ISO in copies. */

const two = (value: number): string => value.toString().padStart(2, '0')

/** "14:03:05" */
export function clock(ms: number): string {
  const at = new Date(ms)
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

/** "14:03" */
export function clockShort(ms: number): string {
  const at = new Date(ms)
  return `${two(at.getHours())}:${two(at.getMinutes())}`
}

/** "2026-11-22" in the user's zone */
export function day(ms: number): string {
  const at = new Date(ms)
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
}

/** "2026-11-22 14:03:05" */
export function dateTime(ms: number): string {
  return `${day(ms)} ${clock(ms)}`
}

/** The same with the zone, for hover texts: "2026-11-22 14:03:05 UTC+1". */
export function exact(ms: number): string {
  return `${dateTime(ms)} ${zone(ms)}`
}

/** "UTC", "UTC+1", "UTC−3:30" */
export function zone(ms: number): string {
  const offset = -new Date(ms).getTimezoneOffset()
  if (offset === 0) return 'UTC'
  const size = Math.abs(offset)
  const minutes = size % 60
  const hours = Math.floor(size / 60)
  return `UTC${offset < 0 ? '−' : '+'}${hours}${minutes ? `:${two(minutes)}` : ''}`
}

/** "just now", "12 s ago", "3 min ago", "5 h ago", "2 d ago", "in 4 min" */
export function relative(ms: number, now: number): string {
  const seconds = Math.round((now - ms) / 1000)
  const size = Math.abs(seconds)
  if (size < 2) return 'just now'
  let text: string
  if (size < 60) text = `${size} s`
  else if (size < 3_600) text = `${Math.floor(size / 60)} min`
  else if (size < 86_400) text = `${Math.floor(size / 3_600)} h`
  else text = `${Math.floor(size / 86_400)} d`
  return seconds > 0 ? `${text} ago` : `in ${text}`
}

const DAY_MS = 86_400_000

/** Two days as people type them, as the moments that the API takes: the person's own days, the last one to its end. */
export function daysAsMoments(days: { from?: string; to?: string }): {
  from?: string
  to?: string
} {
  const start = (text: string | undefined) => Date.parse(`${text}T00:00:00`)
  const moment = (ms: number) => (Number.isFinite(ms) ? new Date(ms).toISOString() : undefined)
  return { from: moment(start(days.from)), to: moment(start(days.to) + DAY_MS) }
}
