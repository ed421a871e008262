/** What is open on one server, above its page. Loaded after the page; nothing is shown while all is quiet. */
import { queryOptions, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { api, unwrap } from '../api/client'
import { plural } from '../lib/format'
import { StatusDot } from '../ui/status-dot'
import { Ago } from '../ui/time'
import { rankOf, SEVERITY_TEXT, SEVERITY_TONE } from './severity'

const EVERY_MS = 30_000
/** More are counted and shown in the list of alerts. */
const SHOWN = 3

const openOfServer = (server: string) =>
  queryOptions({
    queryKey: ['alerts', 'server', server],
    queryFn: async ({ signal }) =>
      (
        await unwrap(
          api.GET('/api/v1/alerts', {
            params: { query: { state: 'open', server_id: server, limit: 100 } },
            signal,
          }),
        )
      ).items,
    refetchInterval: EVERY_MS,
    // A strip above a page that is whole without it.
    retry: false,
  })

export default function ServerAlerts({ server }: { server: string }) {
  const { data: alerts } = useQuery(openOfServer(server))
  if (!alerts || alerts.length === 0) return null
  const worst = [...alerts].sort((a, b) => rankOf(a.severity) - rankOf(b.severity))
  return (
    <section
      aria-label="Open alerts"
      className="mt-3 flex flex-wrap items-center gap-x-5 gap-y-1.5 rounded-lg border border-line bg-surface px-3 py-2"
    >
      <Link
        to="/alerts"
        search={{ server }}
        className="flex min-h-6 items-center font-medium hover:underline"
      >
        {plural(alerts.length, 'open alert')}
      </Link>
      <ul className="flex min-w-0 flex-wrap items-center gap-x-5 gap-y-1.5">
        {worst.slice(0, SHOWN).map((alert) => (
          <li key={alert.id} className="flex min-h-6 min-w-0 items-center gap-2">
            <StatusDot tone={SEVERITY_TONE[alert.severity]} />
            <span className="sr-only">{SEVERITY_TEXT[alert.severity]}</span>
            <Link
              to="/alerts/$id"
              params={{ id: alert.id }}
              className="min-w-0 break-words hover:underline"
            >
              {alert.name}
              {alert.device ? ` · ${alert.device}` : ''}
            </Link>
            <Ago at={alert.since} className="tnum whitespace-nowrap text-ink-3 text-xs" />
          </li>
        ))}
        {alerts.length > SHOWN ? (
          <li className="text-ink-2">and {alerts.length - SHOWN} more</li>
        ) : null}
      </ul>
    </section>
  )
}
