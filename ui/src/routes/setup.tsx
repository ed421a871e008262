import { useQueryClient } from '@tanstack/react-query'
import { createFileRoute, redirect, useRouter } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { AccountForm } from '@/features/auth/account-form'
import { AuthLayout } from '@/features/auth/auth-layout'
import { usePageTitle } from '@/shared/lib/page-title'
import { rememberSignedIn } from '@/shared/session/hint'
import { statusQuery } from '@/shared/session/session'

export const Route = createFileRoute('/setup')({
  beforeLoad: async ({ context }) => {
    const status = await context.queryClient.fetchQuery({ ...statusQuery, staleTime: 0 })
    if (!status.setup_required) throw redirect({ to: '/login' })
  },
  component: SetupPage,
})

/** The printed address may carry the token behind `#`, which browsers never send to a server. */
function tokenInAddress(): string {
  return new URLSearchParams(window.location.hash.slice(1)).get('token') ?? ''
}

function SetupPage() {
  const client = useQueryClient()
  const router = useRouter()
  const [token] = useState(tokenInAddress)
  usePageTitle('Set up')

  useEffect(() => {
    // Once read it should not stay in the address bar or the history.
    if (window.location.hash) window.history.replaceState(window.history.state, '', '/setup')
  }, [])

  return (
    <AuthLayout
      title="Create the owner"
      lead="This is a new installation. Its first account owns it and can let others in."
    >
      <AccountForm
        setupToken={token}
        action="Create owner and sign in"
        onDone={async () => {
          client.clear()
          rememberSignedIn(true)
          await router.navigate({ to: '/servers', replace: true })
        }}
      />
    </AuthLayout>
  )
}
