import { createFileRoute } from '@tanstack/react-router'
import * as z from 'zod/mini'
import { ServerCommands } from '@/features/commands/server-commands'
import { useServerRow } from '@/shared/servers/server-query'

const text = z.catch(z.optional(z.string()), undefined)

export const Route = createFileRoute('/_app/servers/$id/commands')({
  validateSearch: z.object({ show: text, edit: text }),
  component: Page,
})

function Page() {
  const { id } = Route.useParams()
  const { show, edit } = Route.useSearch()
  const navigate = Route.useNavigate()
  const row = useServerRow(id)
  if (!row) return null
  return (
    <ServerCommands
      server={row.server}
      show={show}
      edit={edit}
      onShow={(command) => void navigate({ search: { show: command }, resetScroll: false })}
    />
  )
}
