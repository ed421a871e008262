import { createFileRoute } from '@tanstack/react-router'
import { ChannelsPage } from '@/features/alerts/channels-page'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/alerts/channels/')({ component: Page })

function Page() {
  usePageTitle('Alert channels')
  return <ChannelsPage />
}
