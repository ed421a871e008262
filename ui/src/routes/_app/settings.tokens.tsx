import { createFileRoute } from '@tanstack/react-router'
import { TokensPage } from '@/features/account/tokens-page'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/settings/tokens')({ component: Page })

function Page() {
  usePageTitle('API tokens')
  return <TokensPage />
}
