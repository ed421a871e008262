/** Which servers a picker offers, and what its keys do. Pure. */
import { matches, parseQuery } from '../fleet/query-text'
import { statusAt } from '../fleet/status'
import type { FleetRow } from '../fleet/store'

/** As many options as anybody reads; what else matches is counted. */
export const MOST_SHOWN = 50

export interface Offer {
  /** All that match, by name. */
  matching: readonly FleetRow[]
  /** What of the text could not be understood. */
  problems: readonly string[]
}

/** Names are put in order at each key stroke, of thousands: one of these is much cheaper than `localeCompare`. */
const byName = new Intl.Collator(undefined, { numeric: true })

/** What the text means now, in the language of the servers list. An empty text means all. */
export function offer(rows: readonly FleetRow[], text: string, now: number): Offer {
  const { terms, problems } = parseQuery(text)
  const matching = rows
    .filter((row) => matches(terms, row, statusAt(row, now)))
    .sort((a, b) => byName.compare(a.server.name, b.server.name))
  return { matching, problems }
}

/** In the order in which they were chosen, each once. */
export const withAll = (chosen: readonly string[], rows: readonly FleetRow[]): string[] => [
  ...new Set([...chosen, ...rows.map((row) => row.server.id)]),
]

export const toggled = (chosen: readonly string[], id: string): string[] =>
  chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]

export interface Label {
  name: string
  servers: number
}

/** The labels in use, most used first. */
export function labelsOf(rows: readonly FleetRow[]): Label[] {
  const count = new Map<string, number>()
  for (const { server } of rows) {
    for (const tag of server.tags) count.set(tag, (count.get(tag) ?? 0) + 1)
  }
  return [...count]
    .map(([name, servers]) => ({ name, servers }))
    .sort((a, b) => b.servers - a.servers || byName.compare(a.name, b.name))
}
