import { createFileRoute } from '@tanstack/react-router'
import { SchedulesPage } from '@/features/schedules/schedules-page'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/schedules/')({ component: Page })

function Page() {
  usePageTitle('Schedules')
  return <SchedulesPage />
}
