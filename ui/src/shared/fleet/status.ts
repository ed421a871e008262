/** How a server is doing, as one word, one shape and one colour. */
import type { Tone } from '../ui/status-dot'
import type { FleetRow } from './store'

export type Status = 'online' | 'stale' | 'offline' | 'never'

/** Worst first: the order of sorting and of the strip. */
export const STATUSES: readonly Status[] = ['offline', 'stale', 'online', 'never']

export const STATUS_TEXT: Record<Status, string> = {
  online: 'Online',
  stale: 'Stale',
  offline: 'Offline',
  never: 'Not connected yet',
}

export const STATUS_SHORT: Record<Status, string> = { ...STATUS_TEXT, never: 'Never seen' }

export const STATUS_TONE: Record<Status, Tone> = {
  online: 'ok',
  stale: 'warn',
  offline: 'bad',
  never: 'off',
}

export const STATUS_HINT: Record<Status, string> = {
  online: 'Connected, and its readings arrive on time',
  stale: 'Connected, but three readings in a row are missing',
  offline: 'The agent is not connected',
  never: 'No agent has connected with a key of this server yet',
}

const MISSED = 3
const GRACE_MS = 2_000

/** When the last reading is too old to stand for the present. */
export function staleAfter(intervalMs: number): number {
  return MISSED * intervalMs + GRACE_MS
}

/**
 * The status at `now`. An online server whose readings stopped is stale even before anybody noticed
 * that its connection is dead: the last figure must never look current.
 */
export function statusAt(row: FleetRow, now: number): Status {
  const { status, interval_ms, connected_since } = row.server
  if (status === 'never' || status === 'offline') return status
  const since = row.heardAt ?? (connected_since ? Date.parse(connected_since) : null)
  if (since === null) return status
  return now - since > staleAfter(interval_ms) ? 'stale' : 'online'
}
