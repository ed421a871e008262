import { createFileRoute } from '@tanstack/react-router'
import { RulesPage } from '@/features/alerts/rules-page'
import { usePageTitle } from '@/shared/lib/page-title'
import { searchWords } from '@/shared/lib/search-words'

export const Route = createFileRoute('/_app/alerts/rules/')({
  validateSearch: searchWords('starter'),
  component: Page,
})

function Page() {
  const { starter } = Route.useSearch()
  const navigate = Route.useNavigate()
  usePageTitle('Alert rules')
  return (
    <RulesPage
      starter={starter !== undefined}
      onStarter={(open) => void navigate({ search: { starter: open ? 'yes' : undefined } })}
    />
  )
}
