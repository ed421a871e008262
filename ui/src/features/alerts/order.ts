/** In which order alerts stand, and how that order holds while somebody points at it. Pure. */
import { rankOf, type Severity } from '@/shared/alerts/severity'

interface Ordered {
  severity: Severity
  raised_at: string
  acknowledged_at?: string | null
}

/** What nobody takes care of first, then the worst, then the newest. */
export function worstFirst<T extends Ordered>(alerts: readonly T[]): T[] {
  return [...alerts].sort(
    (a, b) =>
      Number(Boolean(a.acknowledged_at)) - Number(Boolean(b.acknowledged_at)) ||
      rankOf(a.severity) - rankOf(b.severity) ||
      Date.parse(b.raised_at) - Date.parse(a.raised_at),
  )
}

export interface Held<T> {
  rows: { item: T; gone: boolean }[]
  /** How many came since that are not shown yet. */
  waiting: number
}

/** `base` in its order with what is now known of each; what came since waits, what left is marked. */
export function held<T extends { id: string }>(base: readonly T[], now: readonly T[]): Held<T> {
  const fresh = new Map(now.map((item) => [item.id, item]))
  const rows = base.map((item) => {
    const known = fresh.get(item.id)
    fresh.delete(item.id)
    return { item: known ?? item, gone: known === undefined }
  })
  return { rows, waiting: fresh.size }
}
