import { createFileRoute, Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import * as z from 'zod/mini'
import { ServersPage } from '@/features/servers/servers-page'
import { buttonStyle } from '@/shared/ui/button'

const text = z.optional(z.catch(z.optional(z.coerce.string()), undefined))

export const Route = createFileRoute('/_app/servers/')({
  validateSearch: z.object({ q: text, sort: text, cols: text }),
  component: Servers,
})

function Servers() {
  const search = Route.useSearch()
  const navigate = Route.useNavigate()
  return (
    <ServersPage
      search={search}
      onSearch={(change, how) =>
        void navigate({
          search: (before) => ({ ...before, ...change }),
          replace: how === 'replace',
          resetScroll: false,
        })
      }
      onOpen={(id) => void navigate({ to: '/servers/$id', params: { id } })}
      onAdd={() => void navigate({ to: '/servers/new' })}
      addLink={
        <Link to="/servers/new" className={buttonStyle({ variant: 'primary' })}>
          <Plus aria-hidden="true" />
          Add server
        </Link>
      }
    />
  )
}
