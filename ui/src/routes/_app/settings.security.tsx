import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { ChangePassword } from '@/features/auth/change-password'
import { usePageTitle } from '@/shared/lib/page-title'
import { meQuery } from '@/shared/session/session'
import { SettingsSection } from '@/shared/ui/settings-section'

export const Route = createFileRoute('/_app/settings/security')({ component: Page })

function Page() {
  const { data: me } = useQuery(meQuery)
  usePageTitle('Security')
  return (
    <SettingsSection title="Password" hint="Changing it signs out all other sessions.">
      <ChangePassword username={me?.username ?? ''} />
    </SettingsSection>
  )
}
