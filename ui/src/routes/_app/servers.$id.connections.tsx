import { createFileRoute } from '@tanstack/react-router'
import { ConnectionsPage } from '@/features/connections/connections-page'

export const Route = createFileRoute('/_app/servers/$id/connections')({ component: Page })

function Page() {
  const { id } = Route.useParams()
  return <ConnectionsPage id={id} />
}
