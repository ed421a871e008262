import { createFileRoute } from '@tanstack/react-router'
import * as z from 'zod/mini'
import { UsersPage } from '@/features/people/users-page'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/people/')({
  validateSearch: z.object({ q: z.optional(z.catch(z.optional(z.coerce.string()), undefined)) }),
  component: Page,
})

function Page() {
  const { q } = Route.useSearch()
  const navigate = Route.useNavigate()
  usePageTitle('People')
  return (
    <UsersPage
      find={q ?? ''}
      onFind={(text) => void navigate({ search: { q: text || undefined }, replace: true })}
    />
  )
}
