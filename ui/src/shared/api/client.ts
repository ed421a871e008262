/**
 * The typed client of the HTTP API. Types come from `openapi.json` (`npm run gen`), so a route or a
 * field that changed there is a compile error here.
 */
import createClient from 'openapi-fetch'
import { Problem, problemFrom } from './problem'
import type { paths } from './schema'
import { sessionFetch } from './session-fetch'

export const api = createClient<paths>({ baseUrl: '', fetch: sessionFetch })

interface Outcome<T> {
  data?: T
  error?: unknown
  response: Response
}

/** The body of a good answer; a Problem is thrown for any other. */
export async function unwrap<T>(call: Promise<Outcome<T>>): Promise<T> {
  const { data, error, response } = await call
  if (!response.ok) throw problemFrom(response, error)
  if (data === undefined && response.status !== 204) {
    throw new Problem({ status: response.status, code: 'empty', title: 'The answer was empty' })
  }
  return data as T
}
