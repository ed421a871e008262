import { createFileRoute } from '@tanstack/react-router'
import * as z from 'zod/mini'
import { AuditPage } from '@/features/audit/audit-page'
import { usePageTitle } from '@/shared/lib/page-title'

const text = z.optional(z.catch(z.optional(z.coerce.string()), undefined))

export const Route = createFileRoute('/_app/audit')({
  validateSearch: z.object({
    actor: text,
    action: text,
    target: text,
    address: text,
    result: text,
    from: text,
    to: text,
    entry: z.optional(z.catch(z.optional(z.coerce.number()), undefined)),
  }),
  component: Page,
})

function Page() {
  const { entry, ...search } = Route.useSearch()
  const navigate = Route.useNavigate()
  usePageTitle('Audit')
  return (
    <AuditPage
      search={search}
      entry={entry}
      onSearch={(change) =>
        void navigate({ search: (before) => ({ ...before, ...change }), resetScroll: false })
      }
      onEntry={(seq) =>
        void navigate({ search: (before) => ({ ...before, entry: seq }), resetScroll: false })
      }
    />
  )
}
