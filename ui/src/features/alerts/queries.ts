/** Everything that the pages about alerts ask for and say. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'
import { type AlertsSearch, alertsFilter } from './alerts-search'

const PAGE = 200
/** Loaded anew when something happens to an alert; what is none of that (a silence that begins) is here within this time. */
const EVERY_MS = 30_000

const of = (id: string) => ({ params: { path: { id } } })

export const alertsQuery = (search: AlertsSearch) =>
  infiniteQueryOptions({
    queryKey: ['alerts', 'list', search],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET('/api/v1/alerts', {
          params: { query: { ...alertsFilter(search), limit: PAGE, cursor: pageParam } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: EVERY_MS,
    placeholderData: (before) => before,
  })

export const alertQuery = (id: string) =>
  queryOptions({
    queryKey: ['alerts', 'one', id],
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/alerts/{id}', { ...of(id), signal })),
    refetchInterval: EVERY_MS,
  })

export const rulesQuery = queryOptions({
  queryKey: ['alerts', 'rules'],
  queryFn: async ({ signal }) => (await unwrap(api.GET('/api/v1/alerts/rules', { signal }))).rules,
})

/** Open alerts, to say how many each rule and each silence is about. */
const MOST_OPEN = 500
export const openAlertsQuery = queryOptions({
  queryKey: ['alerts', 'open'],
  queryFn: async ({ signal }) =>
    (
      await unwrap(
        api.GET('/api/v1/alerts', {
          params: { query: { state: 'open', limit: MOST_OPEN } },
          signal,
        }),
      )
    ).items,
  refetchInterval: EVERY_MS,
})

export const ruleQuery = (id: string) =>
  queryOptions({
    queryKey: ['alerts', 'rules', id],
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/alerts/rules/{id}', { ...of(id), signal })),
  })

export const versionsQuery = (id: string) =>
  queryOptions({
    queryKey: ['alerts', 'rules', id, 'versions'],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET('/api/v1/alerts/rules/{id}/versions', { ...of(id), signal }))).versions,
  })

/** What a wording says, or a problem that names the character. */
export const checkQuery = (wording: string) =>
  queryOptions({
    queryKey: ['alerts', 'check', wording],
    queryFn: ({ signal }) =>
      unwrap(api.POST('/api/v1/alerts/rules/check', { body: { wording }, signal })),
    enabled: wording !== '',
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  })

export const starterQuery = queryOptions({
  queryKey: ['alerts', 'starter'],
  queryFn: async ({ signal }) =>
    (await unwrap(api.GET('/api/v1/alerts/starter-rules', { signal }))).rules,
  staleTime: Number.POSITIVE_INFINITY,
})

export const silencesQuery = queryOptions({
  queryKey: ['alerts', 'silences'],
  queryFn: async ({ signal }) =>
    (
      await unwrap(
        api.GET('/api/v1/alerts/silences', { params: { query: { state: 'all' } }, signal }),
      )
    ).silences,
  refetchInterval: EVERY_MS,
})
