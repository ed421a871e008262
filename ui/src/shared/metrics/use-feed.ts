/** The feed of the server whose page is open, for every tab of that page. */
import { useQuery } from '@tanstack/react-query'
import { createContext, useContext, useEffect, useMemo, useSyncExternalStore } from 'react'
import { api, unwrap } from '../api/client'
import { Problem } from '../api/problem'
import { serverNow } from '../lib/now'
import type { LiveItem } from '../ws/frames'
import { liveSocket, useLiveItems, useTopic } from '../ws/live'
import { type NewestSample, ServerFeed } from './feed'
import type { Sample } from './sample'

const FeedContext = createContext<ServerFeed | null>(null)
export const FeedProvider = FeedContext.Provider

/**
 * Makes the feed and keeps it supplied while mounted. `hasReadings`: false for a server that has
 * never sent one, so that nobody asks for what is known not to be there.
 */
export function useServerFeed(server: string, hasReadings: boolean): ServerFeed {
  const feed = useMemo(() => new ServerFeed(server, serverNow), [server])
  useTopic(`server:${server}`)
  useLiveItems(useMemo(() => (items: LiveItem[]) => feed.apply(items), [feed]))
  const { data, refetch } = useQuery({
    queryKey: ['latest', server],
    enabled: hasReadings,
    queryFn: async ({ signal }) => {
      try {
        const params = { path: { server_id: server } }
        return await unwrap(api.GET('/api/v1/metrics/{server_id}/latest', { params, signal }))
      } catch (error) {
        // No reading yet is a state of the server, not a failure.
        if (error instanceof Problem && error.status === 404) return null
        throw error
      }
    },
  })
  useEffect(() => {
    if (!data) return
    feed.seed(data.seq, Date.parse(data.ts), Date.parse(data.received_at), data.sample as Sample)
  }, [data, feed])
  useEffect(
    () => liveSocket.on({ resync: () => void (hasReadings && refetch()) }),
    [refetch, hasReadings],
  )
  return feed
}

export function useFeed(): ServerFeed {
  const feed = useContext(FeedContext)
  if (!feed) throw new Error('useFeed outside of a server page')
  return feed
}

export function useNewestSample(): NewestSample | null {
  const feed = useFeed()
  return useSyncExternalStore(feed.subscribe, feed.newest)
}
