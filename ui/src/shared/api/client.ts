/**
 * The typed client of the HTTP API. Types come from `openapi.json` (`npm run gen`), so a route or a
 * field that changed there is a compile error here.
 */
import createClient from 'openapi-fetch'
import { Problem, problemFrom } from './problem'
import type { components, paths } from './schema'
import { sessionFetch } from './session-fetch'

export const api = createClient<paths>({ baseUrl: '', fetch: sessionFetch })

type Pending = components['schemas']['Pending']

interface Outcome<T> {
  data?: T
  error?: unknown
  response: Response
}

/** Stored for good, but what it changes is not visible yet: the read side is behind. */
const ACCEPTED = 202

/**
 * The body of a good answer; a Problem is thrown for any other. A write that is stored but not
 * visible yet has no body to show and is a Problem, too, one that says so.
 */
export async function unwrap<T>(call: Promise<Outcome<T>>): Promise<Exclude<T, Pending>> {
  const { response } = await call
  if (response.status === ACCEPTED) {
    throw new Problem({
      status: ACCEPTED,
      code: 'pending',
      title: 'Saved, but not visible yet',
      detail: 'The change is stored. The server is busy, so it will show in a moment.',
    })
  }
  return (await unwrapOpen(call)) as Exclude<T, Pending>
}

/** The same for what may take longer than the answer: what goes on is a good answer, too. */
export async function unwrapOpen<T>(call: Promise<Outcome<T>>): Promise<T> {
  const { data, error, response } = await call
  if (!response.ok) throw problemFrom(response, error)
  if (data === undefined && response.status !== 204) {
    throw new Problem({ status: response.status, code: 'empty', title: 'The answer was empty' })
  }
  return data as T
}

/** For writes whose answer nobody reads: stored is good enough. */
export async function accept(call: Promise<Outcome<unknown>>): Promise<void> {
  const { error, response } = await call
  if (!response.ok) throw problemFrom(response, error)
}
