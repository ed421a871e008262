import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { ChangePassword } from '@/features/auth/change-password'
import { KeysPanel } from '@/features/keys/keys-panel'
import { SettingsPage } from '@/features/settings/settings-page'
import { fleetQuery, useFleetSnapshot } from '@/shared/fleet/fleet'
import { usePageTitle } from '@/shared/lib/page-title'
import { meQuery } from '@/shared/session/session'

export const Route = createFileRoute('/_app/settings')({ component: Page })

function Page() {
  const { data: me } = useQuery(meQuery)
  useQuery(fleetQuery)
  const { byId } = useFleetSnapshot()
  usePageTitle('Settings')
  return (
    <SettingsPage
      keys={<KeysPanel server={null} serverName={(id) => byId.get(id)?.server.name ?? id} />}
      password={<ChangePassword username={me?.username ?? ''} />}
    />
  )
}
