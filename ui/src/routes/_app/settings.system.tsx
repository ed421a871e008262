import { createFileRoute } from '@tanstack/react-router'
import { SystemPage } from '@/features/settings/system-page'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/settings/system')({ component: Page })

function Page() {
  usePageTitle('System')
  return <SystemPage />
}
