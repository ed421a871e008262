import { createFileRoute, Link } from '@tanstack/react-router'
import { ConnectServer } from '@/features/enroll/connect-server'
import { buttonStyle } from '@/shared/ui/button'

export const Route = createFileRoute('/_app/servers/$id_/connect')({ component: Page })

function Page() {
  const { id } = Route.useParams()
  const navigate = Route.useNavigate()
  return (
    <ConnectServer
      key={id}
      id={id}
      onArrived={() => void navigate({ to: '/servers/$id', params: { id } })}
      serverLink={
        <Link to="/servers/$id" params={{ id }} className={buttonStyle()}>
          Go to the server
        </Link>
      }
    />
  )
}
