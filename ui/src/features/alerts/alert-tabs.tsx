import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { alertCountsQuery } from '@/shared/alerts/counts'
import { TabNav, tabStyle } from '@/shared/ui/tab-nav'

/** Around all lists about alerting. */
export function AlertsFrame({
  open = false,
  action,
  children,
}: {
  /** The tab with the open alerts is shown. */
  open?: boolean
  action?: ReactNode
  children: ReactNode
}) {
  const { data: counts } = useQuery(alertCountsQuery)
  return (
    <div className="mx-auto max-w-[90rem] px-4 py-6 sm:px-6">
      <div className="flex min-h-8 flex-wrap items-center justify-between gap-3">
        <h1 className="font-semibold text-xl tracking-tight">Alerts</h1>
        <div className="flex flex-wrap gap-2">{action}</div>
      </div>
      <TabNav label="Alerts">
        <Link
          to="/alerts"
          // With filters, too, which the router would not call the same address.
          aria-current={open ? 'page' : undefined}
          activeOptions={{ exact: true }}
          className={tabStyle}
        >
          Open
          {counts && counts.open > 0 ? (
            <span className="tnum text-ink-3">{counts.open}</span>
          ) : null}
        </Link>
        <Link to="/alerts" search={{ state: 'resolved' }} className={tabStyle}>
          History
        </Link>
        <Link to="/alerts/rules" activeOptions={{ includeSearch: false }} className={tabStyle}>
          Rules
        </Link>
        <Link to="/alerts/silences" activeOptions={{ includeSearch: false }} className={tabStyle}>
          Silences
        </Link>
        <Link to="/alerts/channels" activeOptions={{ includeSearch: false }} className={tabStyle}>
          Channels
        </Link>
      </TabNav>
      <div className="mt-4">{children}</div>
    </div>
  )
}
