import { createFileRoute } from '@tanstack/react-router'
import { EditSchedulePage } from '@/features/schedules/schedule-editor'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/schedules/$id/edit')({ component: Page })

function Page() {
  const { id } = Route.useParams()
  const navigate = Route.useNavigate()
  usePageTitle('Edit a schedule')
  return (
    <EditSchedulePage
      id={id}
      onSaved={() => void navigate({ to: '/schedules/$id', params: { id } })}
    />
  )
}
