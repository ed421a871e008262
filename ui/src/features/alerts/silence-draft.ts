/** A silence as it is being written, and as the API takes it. Pure. */
import { timeMs } from './times'

export type Quick = '30m' | '2h' | 'morning' | 'custom'

export const QUICK: readonly { value: Quick; label: string }[] = [
  { value: '30m', label: '30 minutes' },
  { value: '2h', label: '2 hours' },
  { value: 'morning', label: 'Until tomorrow 9:00' },
  { value: 'custom', label: 'From … until …' },
]

export type ScopeDraft =
  | { how: 'all' }
  | { how: 'servers'; servers: readonly string[] }
  | { how: 'tags'; tags: readonly string[] }

export interface SilenceDraft {
  reason: string
  scope: ScopeDraft
  rules: readonly string[]
  when: 'once' | 'recurring'
  quick: Quick
  /** As `datetime-local` has them: the person's own clock. */
  from: string
  until: string
  cron: string
  zone: string
  stretch: string
}

/** The end of a quick pick that begins now, by this browser's clock. */
export function quickEnd(quick: Exclude<Quick, 'custom'>, now: number): number {
  if (quick === '30m') return now + 30 * 60_000
  if (quick === '2h') return now + 2 * 3_600_000
  const morning = new Date(now)
  morning.setDate(morning.getDate() + 1)
  morning.setHours(9, 0, 0, 0)
  return morning.getTime()
}

const moment = (local: string): number => Date.parse(local)

export type SilenceProblems = Partial<
  Record<'reason' | 'scope' | 'from' | 'until' | 'cron' | 'zone' | 'stretch', string>
>

export function silenceProblems(draft: SilenceDraft, now: number): SilenceProblems {
  const found: SilenceProblems = {}
  if (draft.reason.trim() === '') found.reason = 'Say why nobody is to be told'
  if (scopeOf(draft.scope) === null) found.scope = 'Say on which servers'
  if (draft.when === 'once' && draft.quick === 'custom') {
    const [from, until] = [moment(draft.from), moment(draft.until)]
    if (Number.isNaN(from)) found.from = 'Say from when'
    if (Number.isNaN(until)) found.until = 'Say until when'
    else if (until <= from) found.until = 'This is not after its beginning'
    else if (until <= now) found.until = 'This is over already'
  }
  if (draft.when === 'recurring') {
    if (draft.cron.trim() === '') found.cron = 'Say when each begins'
    if (draft.zone.trim() === '') found.zone = 'Say where that time counts'
    const stretch = timeMs(draft.stretch)
    if (stretch === null || stretch < 60_000 || stretch > 86_400_000) {
      found.stretch = 'Use a minute to a day, such as 2h'
    }
  }
  return found
}

/** As events and the API have it; null while it names nothing. */
export function scopeOf(scope: ScopeDraft) {
  if (scope.how === 'all') return 'all' as const
  if (scope.how === 'servers') {
    return scope.servers.length > 0 ? { servers: [...scope.servers] } : null
  }
  return scope.tags.length > 0 ? { tags: [...scope.tags] } : null
}

export function scopeDraftOf(scope: unknown): ScopeDraft {
  if (typeof scope === 'object' && scope !== null) {
    if ('servers' in scope && Array.isArray(scope.servers)) {
      return { how: 'servers', servers: scope.servers.map(String) }
    }
    if ('tags' in scope && Array.isArray(scope.tags)) {
      return { how: 'tags', tags: scope.tags.map(String) }
    }
  }
  return { how: 'all' }
}

export function timesOf(draft: SilenceDraft, now: number) {
  const iso = (ms: number) => new Date(ms).toISOString()
  if (draft.when === 'recurring') {
    return {
      recurring: {
        cron: draft.cron.trim(),
        zone: draft.zone.trim(),
        stretch_ms: timeMs(draft.stretch) ?? 0,
      },
    }
  }
  if (draft.quick === 'custom') {
    return { once: { from: iso(moment(draft.from)), until: iso(moment(draft.until)) } }
  }
  return { once: { from: iso(now), until: iso(quickEnd(draft.quick, now)) } }
}

/** `2026-11-23T13:05`: what a field of a date and a time wants. */
export function localText(ms: number): string {
  const at = new Date(ms)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`
}
