import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { KeysPanel } from '@/features/keys/keys-panel'
import { fleetQuery, useFleetSnapshot } from '@/shared/fleet/fleet'
import { usePageTitle } from '@/shared/lib/page-title'
import { SettingsSection } from '@/shared/ui/settings-section'

export const Route = createFileRoute('/_app/settings/keys')({ component: Page })

function Page() {
  useQuery(fleetQuery)
  const { byId } = useFleetSnapshot()
  usePageTitle('Agent keys')
  return (
    <SettingsSection
      title="Agent keys"
      hint="Keys of your servers’ agents. New ones are made on the page of a server."
    >
      <KeysPanel server={null} serverName={(id) => byId.get(id)?.server.name ?? id} />
    </SettingsSection>
  )
}
