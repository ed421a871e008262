/** Commands: the history, one of them, and what one does with them. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, unwrap, unwrapOpen } from '@/shared/api/client'
import type { Command, RunCommand } from '@/shared/api/model'
import { daysAsMoments } from '@/shared/lib/time'

const PAGE = 50
/** Between looks at a command that is not over. */
const OPEN_MS = 500

/** As they stand in the address. */
export interface CommandsSearch {
  q?: string
  server?: string
  who?: string
  /** An outcome, or `open` for those that are not over. */
  state?: string
  from?: string
  to?: string
}

export const commandsQuery = ({ q, server, who, state, from, to }: CommandsSearch) =>
  infiniteQueryOptions({
    queryKey: ['commands', { q, server, who, state, from, to }],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET('/api/v1/commands', {
          params: {
            query: {
              q,
              server_id: server,
              actor: who,
              outcome: state,
              ...daysAsMoments({ from, to }),
              limit: PAGE,
              after: pageParam,
            },
          },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    // While something goes on, its row moves.
    refetchInterval: (query) =>
      query.state.data?.pages.some((page) => page.commands.some(isOpen)) ? 2_000 : false,
  })

export const isOpen = (command: Command): boolean => command.state !== 'ended'

export const commandQuery = (id: string) =>
  queryOptions({
    queryKey: ['command', id],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/v1/commands/{id}', { params: { path: { id } }, signal })),
    refetchInterval: (query) => {
      const { data } = query.state
      return data && isOpen(data) ? OPEN_MS : false
    },
  })

export const runCommand = (body: RunCommand): Promise<Command> =>
  unwrapOpen(api.POST('/api/v1/commands', { params: { query: {} }, body }))

export const runAgain = (id: string): Promise<Command> =>
  unwrapOpen(api.POST('/api/v1/commands/{id}/rerun', { params: { path: { id }, query: {} } }))

export const cancelCommand = (id: string): Promise<Command> =>
  unwrapOpen(api.POST('/api/v1/commands/{id}/cancel', { params: { path: { id } } }))
