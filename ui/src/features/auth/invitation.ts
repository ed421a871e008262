/** What the invitation behind a link offers. */
import { queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'
import type { InvitationOffer } from '@/shared/api/model'

export const offerQuery = (token: string) =>
  queryOptions({
    queryKey: ['auth', 'invitation', token],
    queryFn: ({ signal }) =>
      unwrap(api.POST('/api/v1/auth/invitation', { body: { invitation: token }, signal })),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  })

export function offerText(
  { role, teams, email }: InvitationOffer,
  provider: string | null,
): string {
  const article = /^[aeio]/.test(role) ? 'an' : 'a'
  const joins = teams.length > 0 ? ` in ${teams.join(', ')}` : ''
  const account = `Your account will be ${article} ${role}${joins}.`
  if (provider === null) return `Choose a name and a password. ${account}`
  const whose = email ? ` It is for ${email}.` : ''
  return `Continue with ${provider}, or choose a name and a password. ${account}${whose}`
}
