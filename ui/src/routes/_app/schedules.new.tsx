import { createFileRoute } from '@tanstack/react-router'
import { NewSchedulePage } from '@/features/schedules/schedule-editor'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/schedules/new')({ component: Page })

function Page() {
  const navigate = Route.useNavigate()
  usePageTitle('New schedule')
  return (
    <NewSchedulePage onSaved={(id) => void navigate({ to: '/schedules/$id', params: { id } })} />
  )
}
