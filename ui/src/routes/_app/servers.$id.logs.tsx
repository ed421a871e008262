import { createFileRoute, useRouter } from '@tanstack/react-router'
import { LogsPage } from '@/features/logs/logs-page'
import { logsSearch } from '@/features/logs/logs-search'
import { alertOf } from '@/shared/logs/line'

export const Route = createFileRoute('/_app/servers/$id/logs')({
  validateSearch: logsSearch,
  component: Page,
})

function Page() {
  const { id } = Route.useParams()
  const search = Route.useSearch()
  const navigate = Route.useNavigate()
  const router = useRouter()
  return (
    <LogsPage
      serverId={id}
      search={search}
      onSearch={(change) =>
        void navigate({ search: (before) => ({ ...before, ...change }), resetScroll: false })
      }
      lineHref={(line) => {
        const alert = alertOf(line)
        if (alert) return router.buildLocation({ to: '/alerts/$id', params: { id: alert } }).href
        return line.id && !line.id.startsWith('connection-')
          ? router.buildLocation({
              to: '/servers/$id/logs',
              params: { id },
              search: { line: line.id },
            }).href
          : null
      }}
    />
  )
}
