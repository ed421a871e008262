import { queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'
import { problemFrom } from '@/shared/api/problem'
import type { components } from '@/shared/api/schema'
import { sessionFetch } from '@/shared/api/session-fetch'
import type { Action } from './state'

export type HostContainer = components['schemas']['HostContainer']

const EVERY_MS = 10_000

export const containersQuery = (server: string) =>
  queryOptions({
    queryKey: ['server', server, 'containers'],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/v1/docker/{server_id}/containers', {
          params: { path: { server_id: server } },
          signal,
        }),
      ),
    refetchInterval: EVERY_MS,
    retry: false,
  })

export const inspectQuery = (server: string, container: string) =>
  queryOptions({
    queryKey: ['server', server, 'containers', container, 'inspect'],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/v1/docker/{server_id}/containers/{container}/inspect', {
          params: { path: { server_id: server, container } },
          signal,
        }),
      ),
    retry: false,
  })

export const containerEventsQuery = (server: string, container: string) =>
  queryOptions({
    queryKey: ['server', server, 'containers', container, 'events'],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/v1/docker/{server_id}/events', {
          params: { path: { server_id: server }, query: { container, limit: 100 } },
          signal,
        }),
      ),
    refetchInterval: EVERY_MS,
  })

/** Resolves when the engine has done it; a refusal is a Problem in the engine's own words. */
export async function act(
  server: string,
  container: string,
  action: Action,
  force = false,
): Promise<void> {
  const path = [server, 'containers', container, action].map(encodeURIComponent).join('/')
  const query = force ? '?force=true' : ''
  const request = new Request(`/api/v1/docker/${path}${query}`, { method: 'POST' })
  const response = await sessionFetch(request)
  if (!response.ok) throw problemFrom(response, await response.json().catch(() => undefined))
}
