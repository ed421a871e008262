import { createFileRoute } from '@tanstack/react-router'
import { ProfilePage } from '@/features/settings/settings-page'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/settings/')({ component: Page })

function Page() {
  usePageTitle('Settings')
  return <ProfilePage />
}
