import { useQuery, useQueryClient } from '@tanstack/react-query'
import { meQuery, sessionRestored, useSession } from '@/shared/session/session'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { LoginForm } from './login-form'

/**
 * The session ended while a page was open: signing in again happens above it, and what was on the
 * page, a half-filled form included, is still there afterwards.
 */
export default function ReauthDialog() {
  const ended = useSession((state) => state.ended)
  const client = useQueryClient()
  const { data: me } = useQuery({ ...meQuery, enabled: false })
  return (
    <Dialog
      open={ended}
      onOpenChange={() => undefined}
      dismissable={false}
      title="Your session has ended"
      description="Sign in again to go on where you were."
      className="max-w-sm"
    >
      <LoginForm
        username={me?.username}
        onDone={async () => {
          sessionRestored()
          await client.invalidateQueries()
        }}
      >
        <Button variant="quiet" onClick={() => window.location.assign('/login')}>
          Sign in as somebody else
        </Button>
      </LoginForm>
    </Dialog>
  )
}
