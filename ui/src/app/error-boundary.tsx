import { type ErrorComponentProps, Link, useRouter } from '@tanstack/react-router'
import { Compass } from 'lucide-react'
import { buttonStyle } from '@/shared/ui/button'
import { Empty } from '@/shared/ui/empty'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { isStaleBuild } from './stale-build'

/** A page that broke. The rest of the app goes on. */
export function PageError({ error, reset }: ErrorComponentProps) {
  const router = useRouter()
  if (isStaleBuild(error)) {
    return (
      <Empty
        title="There is a new version"
        action={
          <button
            type="button"
            className={buttonStyle({ variant: 'primary' })}
            onClick={() => window.location.reload()}
          >
            Reload the page
          </button>
        }
      >
        The server was updated while this page was open, and a part of the old page is gone.
      </Empty>
    )
  }
  return (
    <div className="mx-auto max-w-2xl p-6">
      <ProblemPanel
        what="This page could not be shown"
        error={error}
        onRetry={() => {
          reset()
          void router.invalidate()
        }}
      />
    </div>
  )
}

export function NotFound() {
  return (
    <Empty
      icon={<Compass aria-hidden="true" />}
      title="Nothing here"
      action={
        <Link to="/servers" className={buttonStyle({ variant: 'primary' })}>
          Go to the servers
        </Link>
      }
    >
      The address leads nowhere, or to something that you may not see.
    </Empty>
  )
}
