/** Entries of the audit log, one of them with what it changed, and whether the log is whole. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'
import { daysAsMoments } from '@/shared/lib/time'
import type { AuditSearch } from './filters'

const PAGE = 100
/** The filters as the API takes them. */
export function filterOf({ from, to, ...words }: AuditSearch) {
  return { ...words, ...daysAsMoments({ from, to }) }
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
