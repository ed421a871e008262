import { createFileRoute } from '@tanstack/react-router'
import { AlertsPage } from '@/features/alerts/alerts-page'
import { usePageTitle } from '@/shared/lib/page-title'
import { searchWords } from '@/shared/lib/search-words'

export const Route = createFileRoute('/_app/alerts/')({
  validateSearch: searchWords(
    'state',
    'severity',
    'acknowledged',
    'server',
    'rule',
    'tag',
    'text',
    'from',
    'to',
  ),
  component: Page,
})

function Page() {
  const search = Route.useSearch()
  const navigate = Route.useNavigate()
  usePageTitle(search.state === 'resolved' ? 'Alerts before' : 'Alerts')
  return (
    <AlertsPage
      search={search}
      onSearch={(change) =>
        void navigate({ search: (before) => ({ ...before, ...change }), resetScroll: false })
      }
    />
  )
}
