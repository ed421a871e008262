/** Commands: the history, one of them, and what one does with them. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { accept, api, unwrap, unwrapOpen } from '@/shared/api/client'
import type { Command, RunCommand } from '@/shared/api/model'
import { daysAsMoments } from '@/shared/lib/time'
import type { Verdict } from '@/shared/ui/approval'
import { liveSocket } from '@/shared/ws/live'

const PAGE = 50
/** Between looks at a command that is not over and that nothing else tells of. */
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

/** What tells of a command while it is open. */
export const topicOf = (id: string): string => `command:${id}`

export const commandQuery = (id: string) =>
  queryOptions({
    queryKey: ['command', id],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/v1/commands/{id}', { params: { path: { id } }, signal })),
    refetchInterval: (query) => {
      const { data } = query.state
      return data && isOpen(data) && !liveSocket.tells(topicOf(id)) ? OPEN_MS : false
    },
  })

export const runCommand = (body: RunCommand): Promise<Command> =>
  unwrapOpen(api.POST('/api/v1/commands', { params: { query: {} }, body }))

export const runAgain = (id: string): Promise<Command> =>
  unwrapOpen(api.POST('/api/v1/commands/{id}/rerun', { params: { path: { id }, query: {} } }))

export const decide = (id: string, verdict: Verdict): Promise<void> => {
  const what = { params: { path: { id } } }
  return accept(
    verdict === 'approve'
      ? api.POST('/api/v1/commands/{id}/approve', what)
      : api.POST('/api/v1/commands/{id}/deny', what),
  )
}

export const cancelCommand = (id: string): Promise<Command> =>
  unwrapOpen(api.POST('/api/v1/commands/{id}/cancel', { params: { path: { id } } }))
