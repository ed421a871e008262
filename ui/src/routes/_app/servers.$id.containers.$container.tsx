import { createFileRoute, Link, Outlet } from '@tanstack/react-router'
import { ContainerHeader } from '@/features/containers/container-page'
import { TabNav, tabStyle } from '@/shared/ui/tab-nav'

export const Route = createFileRoute('/_app/servers/$id/containers/$container')({ component: Page })

const TABS = [
  { to: '/servers/$id/containers/$container', label: 'Overview', exact: true },
  { to: '/servers/$id/containers/$container/logs', label: 'Logs', exact: false },
  { to: '/servers/$id/containers/$container/inspect', label: 'Inspect', exact: false },
  { to: '/servers/$id/containers/$container/stats', label: 'Stats', exact: false },
  { to: '/servers/$id/containers/$container/events', label: 'Events', exact: false },
] as const

function Page() {
  const { id, container } = Route.useParams()
  return (
    <>
      <ContainerHeader server={id} container={container} />
      <TabNav label="Container">
        {TABS.map((tab) => (
          <Link
            key={tab.to}
            to={tab.to}
            params={{ id, container }}
            activeOptions={{ exact: tab.exact, includeSearch: false }}
            className={tabStyle}
          >
            {tab.label}
          </Link>
        ))}
      </TabNav>
      <Outlet />
    </>
  )
}
