/** Invitations, and who may make an account. */
import { queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'

export const invitationsQuery = queryOptions({
  queryKey: ['people', 'invitations'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/v1/invitations', { signal })),
})

export const registrationQuery = queryOptions({
  queryKey: ['people', 'registration'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/v1/settings/registration', { signal })),
})
