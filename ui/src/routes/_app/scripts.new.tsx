import { createFileRoute } from '@tanstack/react-router'
import { NewScriptPage } from '@/features/scripts/script-editor'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/scripts/new')({ component: Page })

function Page() {
  const navigate = Route.useNavigate()
  usePageTitle('New script')
  return <NewScriptPage onSaved={(id) => void navigate({ to: '/scripts/$id', params: { id } })} />
}
