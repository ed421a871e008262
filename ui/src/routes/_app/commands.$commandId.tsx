import { createFileRoute } from '@tanstack/react-router'
import { CommandPage } from '@/features/commands/command-page'

export const Route = createFileRoute('/_app/commands/$commandId')({ component: Page })

function Page() {
  const { commandId } = Route.useParams()
  const navigate = Route.useNavigate()
  return (
    <CommandPage
      key={commandId}
      id={commandId}
      onRerun={(id) => void navigate({ to: '/commands/$commandId', params: { commandId: id } })}
    />
  )
}
