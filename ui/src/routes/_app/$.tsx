import { createFileRoute } from '@tanstack/react-router'
import { NotFound } from '@/app/error-boundary'
import { usePageTitle } from '@/shared/lib/page-title'

/** Addresses that lead nowhere, shown inside the app so that there is a way on. */
export const Route = createFileRoute('/_app/$')({ component: Page })

function Page() {
  usePageTitle('Nothing here')
  return <NotFound />
}
