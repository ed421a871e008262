import { createFileRoute } from '@tanstack/react-router'
import { SharingPage } from '@/features/access/sharing-page'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/people/sharing')({ component: Page })

function Page() {
  usePageTitle('Sharing')
  return <SharingPage />
}
