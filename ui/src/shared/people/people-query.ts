/** Accounts, teams and what is shared. Every change refreshes all of it: who may do what hangs together. */
import { type QueryClient, queryOptions } from '@tanstack/react-query'
import { api, unwrap } from '../api/client'
import type { Grant, User } from '../api/model'

const PAGE = 1_000

export const usersQuery = queryOptions({
  queryKey: ['people', 'users'],
  queryFn: async ({ signal }) => {
    const users: User[] = []
    let after: string | undefined
    do {
      const page = await unwrap(
        api.GET('/api/v1/users', { params: { query: { limit: PAGE, after } }, signal }),
      )
      users.push(...page.users)
      after = page.next ?? undefined
    } while (after !== undefined)
    return users
  },
})

export const teamsQuery = queryOptions({
  queryKey: ['people', 'teams'],
  queryFn: async ({ signal }) => (await unwrap(api.GET('/api/v1/teams', { signal }))).teams,
})

export const grantsQuery = queryOptions({
  queryKey: ['people', 'grants'],
  queryFn: async ({ signal }) => {
    const grants: Grant[] = []
    let after: string | undefined
    do {
      const page = await unwrap(
        api.GET('/api/v1/grants', { params: { query: { limit: PAGE, after } }, signal }),
      )
      grants.push(...page.grants)
      after = page.next ?? undefined
    } while (after !== undefined)
    return grants
  },
})

export const accessQuery = (server: string) =>
  queryOptions({
    queryKey: ['people', 'access', server],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/v1/servers/{id}/access', { params: { path: { id: server } }, signal })),
  })

export const refreshPeople = (client: QueryClient) =>
  client.invalidateQueries({ queryKey: ['people'] })
