/** What this person can sign in with, and the codes that a refusal may carry. */
import { queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'

export const securityQuery = queryOptions({
  queryKey: ['auth', 'security'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/v1/auth/security', { signal })),
})

export const WRONG_PASSWORD = 'CO1008'
export const WRONG_CODE = 'CO1011'
