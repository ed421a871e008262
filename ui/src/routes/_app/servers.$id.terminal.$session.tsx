import { createFileRoute } from '@tanstack/react-router'
import * as z from 'zod/mini'
import { PlayerPage } from '@/features/terminal/player-page'

export const Route = createFileRoute('/_app/servers/$id/terminal/$session')({
  validateSearch: z.object({ t: z.optional(z.number()) }),
  component: Page,
})

function Page() {
  const { id, session } = Route.useParams()
  const { t } = Route.useSearch()
  return <PlayerPage server={id} session={session} at={t ?? 0} />
}
