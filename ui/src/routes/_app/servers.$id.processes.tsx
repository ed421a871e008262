import { createFileRoute } from '@tanstack/react-router'
import * as z from 'zod/mini'
import { ProcessesPage } from '@/features/processes/processes-page'
import { useMayAct } from '@/shared/servers/may-operate'
import { useServerRow } from '@/shared/servers/server-query'

const text = z.optional(z.catch(z.optional(z.coerce.string()), undefined))

export const Route = createFileRoute('/_app/servers/$id/processes')({
  validateSearch: z.object({
    view: z.catch(z.optional(z.literal('all')), undefined),
    q: text,
    sort: text,
    tree: z.catch(z.optional(z.literal(true)), undefined),
  }),
  component: Page,
})

function Page() {
  const { id } = Route.useParams()
  const search = Route.useSearch()
  const navigate = Route.useNavigate()
  const row = useServerRow(id)
  const mayAct = useMayAct(id, 'exec')
  if (!row) return null
  return (
    <ProcessesPage
      server={row.server}
      mayAct={mayAct}
      search={search}
      onSearch={(change) =>
        void navigate({
          search: (before) => ({ ...before, ...change }),
          replace: 'q' in change && !('view' in change),
          resetScroll: false,
        })
      }
    />
  )
}
