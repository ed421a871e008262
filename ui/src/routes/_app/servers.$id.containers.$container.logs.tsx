import { createFileRoute } from '@tanstack/react-router'
import { ContainerLogs } from '@/features/containers/container-logs'

export const Route = createFileRoute('/_app/servers/$id/containers/$container/logs')({
  component: Page,
})

function Page() {
  const { id, container } = Route.useParams()
  return <ContainerLogs server={id} container={container} />
}
