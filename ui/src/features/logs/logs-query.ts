/** Lines, counts and sources from the API, and lines as the viewer takes them. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'
import type { components } from '@/shared/api/schema'
import type { Level, LogLine } from '@/shared/logs/line'
import { filterOf, type LogsSearch } from './logs-search'

export type LogEntry = components['schemas']['LogEntry']
export type LogList = components['schemas']['LogList']

const PAGE = 500

export const linesQuery = (search: LogsSearch, serverId: string | undefined) => {
  const filter = filterOf(search, serverId)
  return infiniteQueryOptions({
    queryKey: ['logs', 'lines', serverId ?? null, filter],
    queryFn: ({ pageParam, signal }) => {
      const query = { ...filter, limit: PAGE, after: pageParam }
      return serverId
        ? unwrap(
            api.GET('/api/v1/logs/{server_id}', {
              params: { path: { server_id: serverId }, query },
              signal,
            }),
          )
        : unwrap(api.GET('/api/v1/logs', { params: { query }, signal }))
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    // What was found stays while the person reads it; new lines are asked for.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  })
}

export const histogramQuery = (search: LogsSearch, serverId: string | undefined) => {
  const filter = filterOf(search, serverId)
  const query = {
    ...filter,
    servers: serverId ?? filter.servers,
    text: undefined,
    pattern: undefined,
  }
  return queryOptions({
    queryKey: ['logs', 'histogram', query],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/v1/logs/histogram', { params: { query }, signal })),
    refetchInterval: 15_000,
  })
}

export const sourcesQuery = queryOptions({
  queryKey: ['logs', 'sources'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/v1/logs/sources', { signal })),
  refetchInterval: 30_000,
})

export const lineQuery = (id: string) =>
  queryOptions({
    queryKey: ['logs', 'line', id],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/v1/logs/entries/{id}', {
          params: { path: { id }, query: { context: 50 } },
          signal,
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
  })

/** A line for the viewer. `nameOf` gives the name of a server where several are mixed. */
export function lineOf(entry: LogEntry, nameOf: ((id: string) => string) | null): LogLine {
  const level = entry.level === 'unknown' ? null : (entry.level as Level)
  return {
    at: Date.parse(entry.at),
    text: entry.message,
    level,
    source: nameOf ? `${nameOf(entry.server_id)} ${entry.source}` : entry.source,
    id: entry.id,
    origin: entry.origin,
    fields: entry.fields,
  }
}
