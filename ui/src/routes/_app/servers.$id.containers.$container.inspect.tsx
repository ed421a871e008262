import { createFileRoute } from '@tanstack/react-router'
import { ContainerInspect } from '@/features/containers/container-page'

export const Route = createFileRoute('/_app/servers/$id/containers/$container/inspect')({
  component: Page,
})

function Page() {
  const { id, container } = Route.useParams()
  return <ContainerInspect server={id} container={container} />
}
