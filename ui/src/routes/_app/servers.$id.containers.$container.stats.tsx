import { createFileRoute } from '@tanstack/react-router'
import { ContainerStats } from '@/features/containers/container-stats'

export const Route = createFileRoute('/_app/servers/$id/containers/$container/stats')({
  component: Page,
})

function Page() {
  const { id, container } = Route.useParams()
  return <ContainerStats server={id} container={container} />
}
