import { createFileRoute } from '@tanstack/react-router'
import { ServerAccess } from '@/features/access/server-access'
import { useServerRow } from '@/shared/servers/server-query'

export const Route = createFileRoute('/_app/servers/$id/access')({ component: Page })

function Page() {
  const { id } = Route.useParams()
  const row = useServerRow(id)
  return row ? <ServerAccess server={row.server} /> : null
}
