import { useQueryClient } from '@tanstack/react-query'
import { Unplug } from 'lucide-react'
import { lazy, type ReactNode, Suspense, useCallback, useEffect, useSyncExternalStore } from 'react'
import { Problem } from '@/shared/api/problem'
import { statusAt } from '@/shared/fleet/status'
import { useNow } from '@/shared/lib/now'
import { usePageTitle } from '@/shared/lib/page-title'
import { forgetServer, rememberServer } from '@/shared/lib/prefs'
import { FeedProvider, useServerFeed } from '@/shared/metrics/use-feed'
import { eventsQuery, serverQuery, useServer } from '@/shared/servers/server-query'
import { Empty } from '@/shared/ui/empty'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import type { LiveItem } from '@/shared/ws/frames'
import { useLiveItems, useResync } from '@/shared/ws/live'
import { ServerHeader } from './server-header'
import { ServerTabs } from './server-tabs'

const ServerAlerts = lazy(() => import('@/shared/alerts/server-alerts'))

/** What all tabs of a server share: its header, its live feed, and what happens when it is gone. */
export function ServerLayout({
  id,
  connectLink,
  listLink,
  worksWithoutAgent,
  children,
}: {
  id: string
  /** Where the install command is, for a server that has never connected. */
  connectLink: ReactNode
  listLink: ReactNode
  /** The open tab has something to say before an agent has ever connected. */
  worksWithoutAgent: boolean
  children: ReactNode
}) {
  const client = useQueryClient()
  const { query, row } = useServer(id)
  const feed = useServerFeed(id, Boolean(row?.server.latest))
  const newest = useSyncExternalStore(feed.subscribe, feed.newest)
  const now = useNow()

  useResync(
    useCallback(() => {
      void client.invalidateQueries({ queryKey: serverQuery(id).queryKey, exact: true })
    }, [client, id]),
  )
  useLiveItems(
    useCallback(
      (items: LiveItem[]) => {
        for (const item of items) {
          if (item.k === 'presence' && item.server === id) {
            void client.invalidateQueries({ queryKey: eventsQuery(id).queryKey })
            // The agent describes itself when it connects; it may have been updated meanwhile.
            void client.invalidateQueries({ queryKey: serverQuery(id).queryKey, exact: true })
          }
        }
      },
      [client, id],
    ),
  )

  const name = row?.server.name
  useEffect(() => {
    if (name) rememberServer(id, name)
  }, [id, name])

  const missing = query.error instanceof Problem && query.error.status === 404
  useEffect(() => {
    if (missing) forgetServer(id)
  }, [missing, id])

  const status = row ? statusAt(row, now) : null
  usePageTitle(
    name ?? 'Server',
    status === 'offline' ? 'bad' : status === 'stale' ? 'warn' : 'calm',
  )

  if (missing) {
    return (
      <Empty title="This server does not exist" action={listLink}>
        It was deleted, or it belongs to somebody else.
      </Empty>
    )
  }
  if (!row) {
    return (
      <div className="mx-auto max-w-[110rem] px-3 py-5 sm:px-5">
        {query.isError ? (
          <ProblemPanel
            what="The server could not be loaded"
            error={query.error}
            onRetry={() => void query.refetch()}
          />
        ) : (
          <Late>
            <Skeleton className="h-8 w-64" />
            <Skeleton className="mt-4 h-20" />
            <div className="mt-6 grid gap-3 md:grid-cols-2">
              <Skeleton className="h-56" />
              <Skeleton className="h-56" />
            </div>
          </Late>
        )}
      </div>
    )
  }
  return (
    <FeedProvider value={feed}>
      <div className="mx-auto max-w-[110rem] px-3 pt-4 pb-16 sm:px-5">
        <ServerHeader row={row} />
        <Suspense>
          <ServerAlerts server={id} />
        </Suspense>
        <ServerTabs
          id={id}
          counts={{
            containers: newest?.sample.containers?.length ?? 0,
            failedUnits: newest?.sample.failed_units?.length ?? 0,
          }}
        />
        {status === 'never' && !worksWithoutAgent ? (
          <Empty
            icon={<Unplug aria-hidden="true" />}
            title="No agent has connected yet"
            action={connectLink}
          >
            Run the install command on the host; its readings are here a few seconds later.
          </Empty>
        ) : (
          children
        )}
      </div>
    </FeedProvider>
  )
}
