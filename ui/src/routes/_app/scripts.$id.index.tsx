import { createFileRoute } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import * as z from 'zod/mini'
import { ScriptPage } from '@/features/scripts/script-page'

const NewJob = lazy(() => import('@/features/jobs/new-job'))

export const Route = createFileRoute('/_app/scripts/$id/')({
  /** Whether the form for a run is open. */
  validateSearch: z.object({ run: z.optional(z.catch(z.optional(z.boolean()), undefined)) }),
  component: Page,
})

function Page() {
  const { id } = Route.useParams()
  const { run } = Route.useSearch()
  const navigate = Route.useNavigate()
  return (
    <>
      <ScriptPage
        id={id}
        onRun={() => void navigate({ search: { run: true } })}
        onDeleted={() => void navigate({ to: '/scripts' })}
      />
      {run ? (
        <Suspense>
          <NewJob
            scriptId={id}
            onClose={() => void navigate({ search: {}, replace: true })}
            onStarted={(job) => void navigate({ to: '/jobs/$id', params: { id: job } })}
          />
        </Suspense>
      ) : null}
    </>
  )
}
