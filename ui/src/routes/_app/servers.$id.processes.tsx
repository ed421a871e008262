import { createFileRoute } from '@tanstack/react-router'
import { ProcessesPage } from '@/features/processes/processes-page'
import { useServerRow } from '@/shared/servers/server-query'

export const Route = createFileRoute('/_app/servers/$id/processes')({ component: Page })

function Page() {
  const { id } = Route.useParams()
  const agent = useServerRow(id)?.server.agent
  return <ProcessesPage cores={agent?.cores ?? null} memoryTotal={agent?.memory_total ?? null} />
}
