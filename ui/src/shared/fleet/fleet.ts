/** The fleet store bound to the API, the live socket and React. */
import { queryOptions, useQuery } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'
import { api, unwrap } from '../api/client'
import type { Server } from '../api/model'
import { serverNow } from '../lib/now'
import { liveSocket, useTopic } from '../ws/live'
import { type FleetSnapshot, FleetStore } from './store'

const PAGE = 1_000
const SMALL_FLEET = 500

export const fleet: FleetStore = new FleetStore({
  now: serverNow,
  schedule: (flush) => {
    // A small fleet moves at once; a large one is redrawn once a second at most.
    window.setTimeout(flush, fleet.size <= SMALL_FLEET ? 120 : 1_000)
  },
})

liveSocket.on({ items: (items) => fleet.apply(items) })

async function loadAll(signal: AbortSignal): Promise<number> {
  const servers: Server[] = []
  let after: string | undefined
  do {
    const page = await unwrap(
      api.GET('/api/v1/servers', { params: { query: { limit: PAGE, after } }, signal }),
    )
    servers.push(...page.servers)
    after = page.next ?? undefined
  } while (after !== undefined)
  fleet.replace(servers)
  return servers.length
}

export const fleetQuery = queryOptions({
  queryKey: ['fleet'],
  queryFn: ({ signal }) => loadAll(signal),
  // While nobody listened to the topic the figures grew old: every visit loads them anew, behind
  // the rows of the last visit.
  staleTime: 0,
  refetchOnMount: 'always',
})

export function useFleetSnapshot(): FleetSnapshot {
  return useSyncExternalStore(fleet.subscribe, fleet.snapshot)
}

/** Loads the fleet, keeps it live while mounted, and says how the loading went. */
export function useFleet() {
  useTopic('fleet')
  const query = useQuery(fleetQuery)
  return { snapshot: useFleetSnapshot(), query }
}
