import { createFileRoute } from '@tanstack/react-router'
import { SilencesPage } from '@/features/alerts/silences-page'
import { usePageTitle } from '@/shared/lib/page-title'
import { searchWords } from '@/shared/lib/search-words'

export const Route = createFileRoute('/_app/alerts/silences')({
  validateSearch: searchWords('new', 'server', 'rule'),
  component: Page,
})

function Page() {
  const { new: asked, server, rule } = Route.useSearch()
  const navigate = Route.useNavigate()
  usePageTitle('Silences')
  return (
    <SilencesPage
      asked={asked === undefined ? null : { server, rule }}
      onAsk={(open) => void navigate({ search: { new: open ? 'yes' : undefined } })}
    />
  )
}
