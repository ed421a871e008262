import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import * as z from 'zod/mini'
import { ChangePassword } from '@/features/auth/change-password'
import { refusalOf } from '@/features/auth/refusal'
import { SecurityPage } from '@/features/security/security-page'
import { usePageTitle } from '@/shared/lib/page-title'
import { meQuery, statusQuery } from '@/shared/session/session'

export const Route = createFileRoute('/_app/settings/security')({
  // Where the browser comes back to from the identity provider.
  validateSearch: z.object({
    linked: z.optional(z.catch(z.number(), 0)),
    refused: z.optional(z.catch(z.string(), '')),
  }),
  component: Page,
})

function Page() {
  const { linked, refused } = Route.useSearch()
  const { data: me } = useQuery(meQuery)
  const { data: status } = useQuery(statusQuery)
  usePageTitle('Security')
  return (
    <SecurityPage
      password={<ChangePassword username={me?.username ?? ''} />}
      provider={status?.identity_provider ?? null}
      back={{ linked: linked === 1, refused: refusalOf(refused) }}
    />
  )
}
