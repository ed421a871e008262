import { createFileRoute } from '@tanstack/react-router'
import { ContainersPage } from '@/features/containers/containers-page'

export const Route = createFileRoute('/_app/servers/$id/containers/')({ component: Page })

function Page() {
  return <ContainersPage server={Route.useParams().id} />
}
