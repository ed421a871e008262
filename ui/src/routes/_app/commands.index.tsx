import { createFileRoute, Link } from '@tanstack/react-router'
import * as z from 'zod/mini'
import { HistoryPage } from '@/features/commands/history-page'
import { usePageTitle } from '@/shared/lib/page-title'
import { buttonStyle } from '@/shared/ui/button'

const text = z.optional(z.catch(z.optional(z.coerce.string()), undefined))

export const Route = createFileRoute('/_app/commands/')({
  validateSearch: z.object({ q: text, server: text, who: text, state: text, from: text, to: text }),
  component: Page,
})

function Page() {
  const search = Route.useSearch()
  const navigate = Route.useNavigate()
  usePageTitle('Commands')
  return (
    <HistoryPage
      search={search}
      onSearch={(change) =>
        void navigate({ search: (before) => ({ ...before, ...change }), resetScroll: false })
      }
      serversLink={
        <Link to="/servers" className={buttonStyle({ variant: 'primary' })}>
          Go to the servers
        </Link>
      }
    />
  )
}
