import { createFileRoute } from '@tanstack/react-router'
import { SchedulePage } from '@/features/schedules/schedule-page'

export const Route = createFileRoute('/_app/schedules/$id/')({ component: Page })

function Page() {
  const { id } = Route.useParams()
  const navigate = Route.useNavigate()
  return <SchedulePage id={id} onDeleted={() => void navigate({ to: '/schedules' })} />
}
