import { queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '../api/client'
import type { Targets } from './targets'

/** Which servers a choice means now, and whether this person may. Null: nothing is chosen yet. */
export const previewQuery = (targets: Targets | null) =>
  queryOptions({
    queryKey: ['jobs', 'preview', targets],
    enabled: targets !== null,
    retry: false,
    queryFn: ({ signal }) =>
      unwrap(api.POST('/api/v1/jobs/preview', { body: { targets: targets ?? {} }, signal })),
  })
