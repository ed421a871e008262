import { createFileRoute } from '@tanstack/react-router'
import { HistoryPage } from '@/features/terminal/history-page'

export const Route = createFileRoute('/_app/servers/$id/terminal/history')({ component: Page })

function Page() {
  const { id } = Route.useParams()
  return <HistoryPage server={id} />
}
