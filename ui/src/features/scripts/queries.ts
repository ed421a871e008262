import { queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'

const of = (id: string) => ({ path: { id } })

export const scriptQuery = (id: string) =>
  queryOptions({
    queryKey: ['scripts', id],
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/scripts/{id}', { params: of(id), signal })),
  })

/** Up to this version, newest first. */
export const versionsQuery = (id: string, version: number) =>
  queryOptions({
    queryKey: ['scripts', id, 'versions', version],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET('/api/v1/scripts/{id}/versions', { params: of(id), signal }))).versions,
  })
