import { createFileRoute } from '@tanstack/react-router'
import { ContainerEvents } from '@/features/containers/container-page'

export const Route = createFileRoute('/_app/servers/$id/containers/$container/events')({
  component: Page,
})

function Page() {
  const { id, container } = Route.useParams()
  return <ContainerEvents server={id} container={container} />
}
