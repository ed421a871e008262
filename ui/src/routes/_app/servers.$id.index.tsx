import { createFileRoute } from '@tanstack/react-router'
import { useCallback } from 'react'
import * as z from 'zod/mini'
import { MetricsPage, type MetricsSearch } from '@/features/metrics/metrics-page'
import { useServerRow } from '@/shared/servers/server-query'

const time = z.catch(z.optional(z.number()), undefined)

export const Route = createFileRoute('/_app/servers/$id/')({
  validateSearch: z.object({
    range: z.catch(z.optional(z.string()), undefined),
    from: time,
    to: time,
    stat: z.catch(z.optional(z.literal('max')), undefined),
  }),
  component: Page,
})

function Page() {
  const { id } = Route.useParams()
  const search = Route.useSearch()
  const navigate = Route.useNavigate()
  const row = useServerRow(id)
  const onSearch = useCallback(
    (next: MetricsSearch) => void navigate({ search: next, resetScroll: false }),
    [navigate],
  )
  const onEvents = useCallback(
    () => void navigate({ to: '/servers/$id/connections', params: { id } }),
    [navigate, id],
  )
  if (!row) return null
  return <MetricsPage server={row.server} search={search} onSearch={onSearch} onEvents={onEvents} />
}
