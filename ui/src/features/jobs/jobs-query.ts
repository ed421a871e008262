/**
 * Jobs and how they go. What is not over is told by its live topic, and asked for again every second
 * while that tells nothing; what is over stays as it is.
 */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'
import type { Job } from '@/shared/api/model'
import { liveSocket } from '@/shared/ws/live'

const ONCE_A_SECOND = 1_000
/** A list moves on slowly enough. */
const LIST_MS = 3_000

export const isOver = (job: Job) => job.state === 'ended'

export const jobsQuery = (state: string | undefined) =>
  infiniteQueryOptions({
    queryKey: ['jobs', 'list', state ?? ''],
    queryFn: ({ pageParam, signal }) =>
      unwrap(api.GET('/api/v1/jobs', { params: { query: { state, after: pageParam } }, signal })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: LIST_MS,
  })

/** What tells of a job while it goes on. */
export const topicOf = (id: string): string => `job:${id}`

const untold = (id: string): number | false =>
  liveSocket.tells(topicOf(id)) ? false : ONCE_A_SECOND

export const jobQuery = (id: string) =>
  queryOptions({
    queryKey: ['jobs', 'one', id],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/v1/jobs/{id}', { params: { path: { id } }, signal })),
    refetchInterval: ({ state }) => (state.data && isOver(state.data) ? false : untold(id)),
  })

export const hostsQuery = (id: string, over: boolean) =>
  queryOptions({
    // Asked once more after the end: the last outputs arrive with it.
    queryKey: ['jobs', 'hosts', id, over],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/v1/jobs/{id}/hosts', { params: { path: { id } }, signal })),
    refetchInterval: () => (over ? false : untold(id)),
    placeholderData: (before) => before,
  })
