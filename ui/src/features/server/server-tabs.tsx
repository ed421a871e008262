import { Link } from '@tanstack/react-router'
import { Badge } from '@/shared/ui/badge'
import { TabNav, tabStyle } from '@/shared/ui/tab-nav'

const TABS = [
  { to: '/servers/$id', label: 'Metrics', exact: true },
  { to: '/servers/$id/commands', label: 'Commands', exact: false },
  { to: '/servers/$id/processes', label: 'Processes', exact: false },
  { to: '/servers/$id/services', label: 'Services', exact: false },
  { to: '/servers/$id/containers', label: 'Containers', exact: false },
  { to: '/servers/$id/logs', label: 'Logs', exact: false },
  { to: '/servers/$id/terminal', label: 'Terminal', exact: false },
  { to: '/servers/$id/connections', label: 'Connections', exact: false },
  { to: '/servers/$id/access', label: 'Access', exact: false },
  { to: '/servers/$id/settings', label: 'Settings', exact: false },
] as const

export function ServerTabs({
  id,
  counts,
}: {
  id: string
  counts: { containers: number; failedUnits: number }
}) {
  return (
    <TabNav label="Server">
      {TABS.map((tab) => (
        <Link
          key={tab.to}
          to={tab.to}
          params={{ id }}
          activeOptions={{ exact: tab.exact, includeSearch: false }}
          className={tabStyle}
        >
          {tab.label}
          {tab.label === 'Services' && counts.failedUnits > 0 ? (
            <Badge tone="bad">{counts.failedUnits} failed</Badge>
          ) : null}
          {tab.label === 'Containers' && counts.containers > 0 ? (
            <span className="tnum rounded bg-hover px-1 text-2xs text-ink-2">
              {counts.containers}
            </span>
          ) : null}
        </Link>
      ))}
    </TabNav>
  )
}
