import { createFileRoute } from '@tanstack/react-router'
import { JobPage } from '@/features/jobs/job-page'
import { usePageTitle } from '@/shared/lib/page-title'

export const Route = createFileRoute('/_app/jobs/$id')({ component: Page })

function Page() {
  const { id } = Route.useParams()
  usePageTitle('Job')
  return <JobPage id={id} />
}
