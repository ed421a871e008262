import { createFileRoute } from '@tanstack/react-router'
import { EditScriptPage } from '@/features/scripts/script-editor'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/scripts/$id/edit')({ component: Page })

function Page() {
  const { id } = Route.useParams()
  const navigate = Route.useNavigate()
  usePageTitle('Edit a script')
  return (
    <EditScriptPage id={id} onSaved={() => void navigate({ to: '/scripts/$id', params: { id } })} />
  )
}
