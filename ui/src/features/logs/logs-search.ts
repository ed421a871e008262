/** What is asked for, as it stands in the address of the page. */
import * as z from 'zod/mini'

const text = z.optional(z.catch(z.optional(z.coerce.string()), undefined))
const flag = z.optional(z.catch(z.optional(z.coerce.boolean()), undefined))

export const logsSearch = z.object({
  /** Text, or a pattern when `regex` is set. */
  q: text,
  regex: flag,
  levels: text,
  sources: text,
  servers: text,
  /** A length such as `1h`; not together with from and to. */
  range: text,
  from: text,
  to: text,
  live: flag,
  /** Id of the one line that is shown. */
  line: text,
})

export interface LogsSearch {
  q?: string
  regex?: boolean
  levels?: string
  sources?: string
  servers?: string
  range?: string
  from?: string
  to?: string
  live?: boolean
  line?: string
}

export const RANGES = ['15m', '1h', '6h', '24h', '7d'] as const
export const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'unknown'] as const

const HOUR = '1h'

export const listOf = (words: string | undefined): string[] =>
  (words ?? '').split(',').filter((word) => word !== '')

/** A list with a word put in or taken out; undefined when nothing is left. */
export function toggled(words: string | undefined, word: string): string | undefined {
  const list = listOf(words)
  const left = list.includes(word) ? list.filter((one) => one !== word) : [...list, word]
  return left.length === 0 ? undefined : left.join(',')
}

/** As the API takes it. A server in the path replaces those in the address. */
export function filterOf(search: LogsSearch, serverId: string | undefined) {
  const range = (RANGES as readonly string[]).includes(search.range ?? '') ? search.range : HOUR
  return {
    servers: serverId ? undefined : search.servers || undefined,
    sources: search.sources || undefined,
    levels: search.levels || undefined,
    text: search.regex ? undefined : search.q || undefined,
    pattern: search.regex ? search.q || undefined : undefined,
    from: search.from || `now-${range}`,
    to: search.from ? search.to || undefined : undefined,
  }
}

export const isFiltered = (search: LogsSearch): boolean =>
  Boolean(search.q || search.levels || search.sources || search.servers)

export function downloadHref(
  search: LogsSearch,
  serverId: string | undefined,
  format: 'ndjson' | 'text',
): string {
  const filter = { ...filterOf(search, serverId), format }
  if (serverId) filter.servers = serverId
  const words = Object.entries(filter).filter(([, value]) => value)
  return `/api/v1/logs/download?${new URLSearchParams(words as [string, string][])}`
}
