import { createFileRoute } from '@tanstack/react-router'
import { InvitationsPage } from '@/features/people/invitations-page'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/people/invitations')({ component: Page })

function Page() {
  usePageTitle('Invitations')
  return <InvitationsPage />
}
