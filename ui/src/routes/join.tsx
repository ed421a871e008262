import { useQuery, useQueryClient } from '@tanstack/react-query'
import { createFileRoute, Link, useRouter } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { AccountForm } from '@/features/auth/account-form'
import { AuthLayout } from '@/features/auth/auth-layout'
import { offerQuery, offerText } from '@/features/auth/invitation'
import { JoinElsewhere } from '@/features/auth/join-elsewhere'
import { usePageTitle } from '@/shared/lib/page-title'
import { rememberSignedIn } from '@/shared/session/hint'
import { statusQuery } from '@/shared/session/session'
import { buttonStyle } from '@/shared/ui/button'
import { FormProblem } from '@/shared/ui/form-problem'

export const Route = createFileRoute('/join')({ component: JoinPage })

/** The link carries its secret behind `#`, which browsers never send to a server. */
const tokenInAddress = (): string => window.location.hash.slice(1)

function JoinPage() {
  const client = useQueryClient()
  const router = useRouter()
  const [token] = useState(tokenInAddress)
  const offer = useQuery(offerQuery(token))
  const status = useQuery(statusQuery)
  usePageTitle('Invitation')

  useEffect(() => {
    // Once read it should not stay in the address bar or the history.
    if (window.location.hash) window.history.replaceState(window.history.state, '', '/join')
  }, [])

  if (offer.isError) {
    return (
      <AuthLayout
        title="This invitation does not work"
        lead="It was used, taken back, or its time is over. Ask whoever sent it for a new one."
      >
        <FormProblem error={offer.error} />
        <Link to="/login" className={buttonStyle({ size: 'lg', className: 'mt-4' })}>
          Go to the sign-in
        </Link>
      </AuthLayout>
    )
  }
  if (!offer.data || status.isPending) return null
  const provider = status.data?.identity_provider ?? null
  return (
    <AuthLayout title="You are invited" lead={offerText(offer.data, provider)}>
      {provider ? <JoinElsewhere token={token} provider={provider} /> : null}
      <AccountForm
        setupToken={null}
        invitation={{ token, email: offer.data.email }}
        action="Create account"
        onDone={async () => {
          client.clear()
          rememberSignedIn(true)
          await router.navigate({ to: '/servers', replace: true })
        }}
      />
    </AuthLayout>
  )
}
