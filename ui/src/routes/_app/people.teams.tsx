import { createFileRoute } from '@tanstack/react-router'
import { TeamsPage } from '@/features/people/teams-page'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/people/teams')({ component: Page })

function Page() {
  usePageTitle('Teams')
  return <TeamsPage />
}
