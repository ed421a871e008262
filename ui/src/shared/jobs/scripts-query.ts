/** Scripts: what is kept under a name to be run. */
import { queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '../api/client'

export const scriptsQuery = queryOptions({
  queryKey: ['scripts'],
  queryFn: async ({ signal }) => (await unwrap(api.GET('/api/v1/scripts', { signal }))).scripts,
})
