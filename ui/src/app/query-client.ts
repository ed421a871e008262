import { QueryClient } from '@tanstack/react-query'
import { Problem } from '@/shared/api/problem'

/** Refusals are answers; only trouble on the way is worth asking again. */
function worthRetrying(failures: number, error: unknown): boolean {
  if (failures >= 2) return false
  return !(error instanceof Problem) || error.status === 0 || error.status >= 502
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      retry: worthRetrying,
      retryDelay: (attempt) => Math.min(4_000, 400 * 2 ** attempt),
      refetchOnWindowFocus: false,
      staleTime: 10_000,
    },
    mutations: { retry: false },
  },
})
