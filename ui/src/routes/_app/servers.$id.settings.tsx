import { createFileRoute } from '@tanstack/react-router'
import { KeysPanel } from '@/features/keys/keys-panel'
import { ServerSettings } from '@/features/server/server-settings'
import { useServerRow } from '@/shared/servers/server-query'

export const Route = createFileRoute('/_app/servers/$id/settings')({ component: Page })

function Page() {
  const { id } = Route.useParams()
  const navigate = Route.useNavigate()
  const row = useServerRow(id)
  if (!row) return null
  return (
    <ServerSettings
      server={row.server}
      keys={<KeysPanel server={id} />}
      onDeleted={() => void navigate({ to: '/servers', replace: true })}
    />
  )
}
