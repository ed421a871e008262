import { createFileRoute } from '@tanstack/react-router'
import * as z from 'zod/mini'
import { JobsPage } from '@/features/jobs/jobs-page'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/jobs/')({
  validateSearch: z.object({
    state: z.optional(z.catch(z.optional(z.enum(['waiting', 'running', 'ended'])), undefined)),
  }),
  component: Page,
})

function Page() {
  const { state } = Route.useSearch()
  const navigate = Route.useNavigate()
  usePageTitle('Jobs')
  return (
    <JobsPage state={state} onOpen={(id) => void navigate({ to: '/jobs/$id', params: { id } })} />
  )
}
