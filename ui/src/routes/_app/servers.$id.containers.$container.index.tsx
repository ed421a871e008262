import { createFileRoute } from '@tanstack/react-router'
import { ContainerOverview } from '@/features/containers/container-page'

export const Route = createFileRoute('/_app/servers/$id/containers/$container/')({
  component: Page,
})

function Page() {
  const { id, container } = Route.useParams()
  return <ContainerOverview server={id} container={container} />
}
