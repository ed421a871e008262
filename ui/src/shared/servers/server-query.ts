/** One server and what belongs to it, for every page that shows it. */
import { queryOptions, useQuery } from '@tanstack/react-query'
import { useCallback, useSyncExternalStore } from 'react'
import { api, unwrap } from '../api/client'
import { fleet } from '../fleet/fleet'
import type { FleetRow } from '../fleet/store'

export const serverQuery = (id: string) =>
  queryOptions({
    queryKey: ['server', id],
    queryFn: async ({ signal }) => {
      const server = await unwrap(
        api.GET('/api/v1/servers/{id}', { params: { path: { id } }, signal }),
      )
      fleet.put(server)
      return server
    },
    staleTime: 30_000,
  })

export const eventsQuery = (id: string) =>
  queryOptions({
    queryKey: ['server', id, 'events'],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/v1/servers/{id}/events', {
          params: { path: { id }, query: { limit: 200 } },
          signal,
        }),
      ),
  })

/** The live row of a server: figures and status as they are now. */
export function useServerRow(id: string): FleetRow | undefined {
  const read = useCallback(() => fleet.snapshot().byId.get(id), [id])
  return useSyncExternalStore(fleet.subscribe, read)
}

export function useServer(id: string) {
  const query = useQuery(serverQuery(id))
  return { query, row: useServerRow(id) }
}

const EVENT_TEXT: Record<string, string> = {
  connected: 'Connected',
  disconnected: 'Disconnected',
  reconnected: 'Reconnected',
  authentication_failed: 'Refused: wrong key',
  error: 'Error',
}

export const eventText = (kind: string): string => EVENT_TEXT[kind] ?? kind

export function eventTone(kind: string): 'ok' | 'warn' | 'bad' | 'off' {
  if (kind === 'connected' || kind === 'reconnected') return 'ok'
  if (kind === 'disconnected') return 'off'
  return kind === 'authentication_failed' ? 'warn' : 'bad'
}
