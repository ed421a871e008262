import { createFileRoute, Link } from '@tanstack/react-router'
import { History } from 'lucide-react'
import { useCallback } from 'react'
import * as z from 'zod/mini'
import { TerminalPage } from '@/features/terminal/terminal-page'
import { allowedAt } from '@/shared/servers/allowed'
import { useServerRow } from '@/shared/servers/server-query'
import { buttonStyle } from '@/shared/ui/button'

export const Route = createFileRoute('/_app/servers/$id/terminal/')({
  validateSearch: z.object({
    session: z.optional(z.string()),
    container: z.optional(z.string()),
  }),
  component: Page,
})

function Page() {
  const { id } = Route.useParams()
  const { session, container } = Route.useSearch()
  const navigate = Route.useNavigate()
  const row = useServerRow(id)
  const onSession = useCallback(
    (next: string | undefined) => {
      void navigate({ search: (before) => ({ ...before, session: next }), replace: true })
    },
    [navigate],
  )
  if (!row) return null
  const agent = row.server.agent
  return (
    <TerminalPage
      key={`${id} ${container ?? ''}`}
      server={id}
      name={row.server.name}
      allowed={agent ? allowedAt(agent, 'terminal', Date.now()) !== null : false}
      session={session}
      container={container}
      onSession={onSession}
      historyLink={
        <Link
          to="/servers/$id/terminal/history"
          params={{ id }}
          className={buttonStyle({ variant: 'quiet', size: 'sm' })}
        >
          <History aria-hidden="true" />
          History
        </Link>
      }
    />
  )
}
