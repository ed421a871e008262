/**
 * `fetch` with the rules of the cookie session: the CSRF header on writes, and on a 401 one shared
 * attempt to renew the session before the request is sent again. Tokens never pass through here:
 * they live in HttpOnly cookies that scripts cannot read.
 */
import { unreachable } from './problem'

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])
/** Their 401 is an answer about a password or a token, not about the session. */
const ANSWERS_401_ITSELF =
  /\/api\/v1\/auth\/(login|login\/second|passkeys\/login\/\w+|register|refresh|change-password)$/

type Listener = () => void
const endedListeners = new Set<Listener>()
let renewing: Promise<boolean> | null = null

/** Called when the session is over and only signing in again helps. Returns the way to stop. */
export function onSessionEnded(listener: Listener): () => void {
  endedListeners.add(listener)
  return () => endedListeners.delete(listener)
}

/** Asks for fresh cookies; concurrent callers share one request. False: the session is over. */
export function renewSession(): Promise<boolean> {
  renewing ??= requestRenewal().finally(() => {
    renewing = null
  })
  return renewing
}

async function requestRenewal(): Promise<boolean> {
  const response = await send(
    new Request('/api/v1/auth/refresh', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"session":"cookie"}',
    }),
  )
  if (response.ok) return true
  // Anything but a refusal (a restart, a full queue) says nothing about the session.
  if (response.status === 401 || response.status === 403 || response.status === 400) return false
  throw unreachable()
}

async function send(request: Request): Promise<Response> {
  if (!SAFE.has(request.method)) request.headers.set('X-ChatOps-CSRF', '1')
  try {
    return await fetch(request, { credentials: 'same-origin' })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw unreachable()
  }
}

export async function sessionFetch(request: Request): Promise<Response> {
  const again = request.clone()
  const response = await send(request)
  if (response.status !== 401 || ANSWERS_401_ITSELF.test(new URL(request.url).pathname)) {
    return response
  }
  if (await renewSession()) return send(again)
  for (const listener of endedListeners) listener()
  return response
}
