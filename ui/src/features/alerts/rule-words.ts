/** Rules and silences in words. Pure. */
import type { AlertScope, Silence } from '@/shared/api/model'
import { plural } from '@/shared/lib/format'
import { timeText } from './times'

/** Which servers, in words; `nameOf` knows the names of those that this person sees. */
export function scopeText(scope: AlertScope, nameOf: (id: string) => string): string {
  if (scope === 'all') return 'All servers'
  if ('tags' in scope) return `With the tag ${scope.tags.join(' or ')}`
  if (scope.servers.length <= 3) return scope.servers.map(nameOf).join(', ')
  return `${scope.servers.slice(0, 2).map(nameOf).join(', ')} and ${plural(scope.servers.length - 2, 'other')}`
}

export const stretchText = (ms: number): string => timeText(ms)

/** What is on now comes first, then what comes next, then what is over. */
const ORDER: Record<Silence['state'], number> = { active: 0, planned: 1, ended: 2, over: 2 }

const startOf = (silence: Silence): number =>
  Date.parse(silence.next?.from ?? silence.now?.from ?? silence.saved_at)

export function silencesInOrder(silences: readonly Silence[]): Silence[] {
  return [...silences].sort(
    (a, b) =>
      ORDER[a.state] - ORDER[b.state] ||
      (ORDER[a.state] === 2
        ? Date.parse(b.saved_at) - Date.parse(a.saved_at)
        : startOf(a) - startOf(b)),
  )
}
