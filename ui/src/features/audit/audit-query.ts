/** Entries of the audit log, one of them with what it changed, and whether the log is whole. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'
import type { AuditSearch } from './filters'

const PAGE = 100
const DAY_MS = 86_400_000

/** Days are the person's own; the last one is meant to its end. */
const startOf = (day: string | undefined): number | null => {
  const at = day ? Date.parse(`${day}T00:00:00`) : Number.NaN
  return Number.isFinite(at) ? at : null
}

/** The filters as the API takes them. */
export function filterOf({ from, to, ...words }: AuditSearch) {
  const first = startOf(from)
  const last = startOf(to)
  return {
    ...words,
    from: first === null ? undefined : new Date(first).toISOString(),
    to: last === null ? undefined : new Date(last + DAY_MS).toISOString(),
  }
}

export const entriesQuery = (search: AuditSearch) =>
  infiniteQueryOptions({
    queryKey: ['audit', 'entries', search],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET('/api/v1/audit', {
          params: { query: { ...filterOf(search), limit: PAGE, after: pageParam } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })

export const entryQuery = (seq: number) =>
  queryOptions({
    queryKey: ['audit', 'entry', seq],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/v1/audit/{seq}', { params: { path: { seq } }, signal })),
  })

export const verifyQuery = queryOptions({
  queryKey: ['audit', 'verify'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/v1/audit/verify', { signal })),
  refetchInterval: 15_000,
})

/** Address of the file with what the filters find. */
export function exportHref(search: AuditSearch, format: 'ndjson' | 'csv'): string {
  const words = Object.entries({ ...filterOf(search), format }).filter(([, value]) => value)
  return `/api/v1/audit/export?${new URLSearchParams(words as [string, string][])}`
}
