import { createFileRoute, useRouter } from '@tanstack/react-router'
import { LogsPage } from '@/features/logs/logs-page'
import { logsSearch } from '@/features/logs/logs-search'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/logs')({ validateSearch: logsSearch, component: Page })

function Page() {
  const search = Route.useSearch()
  const navigate = Route.useNavigate()
  const router = useRouter()
  usePageTitle('Logs')
  return (
    <div className="mx-auto flex w-full max-w-[110rem] flex-col px-4 py-6 sm:px-6">
      <h1 className="mb-4 font-semibold text-xl tracking-tight">Logs</h1>
      <LogsPage
        search={search}
        onSearch={(change) =>
          void navigate({ search: (before) => ({ ...before, ...change }), resetScroll: false })
        }
        lineHref={({ id }) =>
          id ? router.buildLocation({ to: '/logs', search: { line: id } }).href : null
        }
      />
    </div>
  )
}
