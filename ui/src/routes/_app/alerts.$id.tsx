import { createFileRoute } from '@tanstack/react-router'
import { AlertPage } from '@/features/alerts/alert-page'

export const Route = createFileRoute('/_app/alerts/$id')({ component: Page })

function Page() {
  const { id } = Route.useParams()
  return <AlertPage id={id} />
}
