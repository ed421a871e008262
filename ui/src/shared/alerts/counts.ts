/** How many alerts are open, for the navigation, the title and the list: told by the live topic, asked for while that is silent. */
import { queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '../api/client'
import type { PageMood } from '../lib/page-title'
import { liveSocket } from '../ws/live'

export const ALERTS_TOPIC = 'alerts'

/** Also while the tab is hidden: its title is what people see then. */
const EVERY_MS = 5_000

export const alertCountsQuery = queryOptions({
  queryKey: ['alerts', 'counts'],
  queryFn: async ({ signal }) =>
    (
      await unwrap(
        api.GET('/api/v1/alerts', { params: { query: { state: 'open', limit: 1 } }, signal }),
      )
    ).counts,
  refetchInterval: () => (liveSocket.tells(ALERTS_TOPIC) ? false : EVERY_MS),
  refetchIntervalInBackground: true,
  staleTime: EVERY_MS,
})

/** The worst that is open. */
export const moodOf = ({ critical, warning }: { critical: number; warning: number }): PageMood =>
  critical > 0 ? 'bad' : warning > 0 ? 'warn' : 'calm'
