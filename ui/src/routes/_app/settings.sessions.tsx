import { createFileRoute } from '@tanstack/react-router'
import { SessionsPage } from '@/features/account/sessions-page'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/settings/sessions')({ component: Page })

function Page() {
  usePageTitle('Sessions')
  return <SessionsPage />
}
