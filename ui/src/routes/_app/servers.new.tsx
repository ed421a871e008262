import { createFileRoute } from '@tanstack/react-router'
import { NewServer } from '@/features/enroll/new-server'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/servers/new')({ component: Page })

function Page() {
  const navigate = Route.useNavigate()
  usePageTitle('Add a server')
  return (
    <NewServer
      onCreated={(id) => void navigate({ to: '/servers/$id/connect', params: { id } })}
      onCancel={() => void navigate({ to: '/servers' })}
    />
  )
}
