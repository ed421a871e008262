import { createFileRoute } from '@tanstack/react-router'
import { ScriptsPage } from '@/features/scripts/scripts-page'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/scripts/')({ component: Page })

function Page() {
  usePageTitle('Scripts')
  return <ScriptsPage />
}
