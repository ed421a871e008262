import { createFileRoute, Link, Outlet, useMatchRoute } from '@tanstack/react-router'
import { ServerLayout } from '@/features/server/server-layout'
import { buttonStyle } from '@/shared/ui/button'

export const Route = createFileRoute('/_app/servers/$id')({ component: Page })

function Page() {
  const { id } = Route.useParams()
  const matches = useMatchRoute()
  return (
    <ServerLayout
      key={id}
      id={id}
      worksWithoutAgent={
        Boolean(matches({ to: '/servers/$id/settings' })) ||
        Boolean(matches({ to: '/servers/$id/access' })) ||
        Boolean(matches({ to: '/servers/$id/logs' })) ||
        Boolean(matches({ to: '/servers/$id/connections' }))
      }
      connectLink={
        <Link
          to="/servers/$id/connect"
          params={{ id }}
          className={buttonStyle({ variant: 'primary' })}
        >
          Show the install command
        </Link>
      }
      listLink={
        <Link to="/servers" className={buttonStyle({ variant: 'primary' })}>
          Go to the servers
        </Link>
      }
    >
      <Outlet />
    </ServerLayout>
  )
}
