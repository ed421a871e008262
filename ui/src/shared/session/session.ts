/**
 * Who is signed in, as the server says. The tokens themselves are HttpOnly cookies; all that the
 * page knows is the user and whether the session has ended while it was open.
 */
import { queryOptions } from '@tanstack/react-query'
import { create } from 'zustand'
import { api, unwrap } from '../api/client'
import type { User } from '../api/model'
import { onSessionEnded } from '../api/session-fetch'
import { liveSocket, onLiveSessionEnded } from '../ws/live'

export const statusQuery = queryOptions({
  queryKey: ['auth', 'status'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/v1/auth/status', { signal })),
  staleTime: 60_000,
})

export const meQuery = queryOptions({
  queryKey: ['auth', 'me'],
  queryFn: ({ signal }) => unwrap(api.GET('/api/v1/auth/me', { signal })),
  staleTime: 300_000,
})

/** Whether the pages about people and the audit log have anything to show. The API decides anew. */
export const decidesAboutPeople = (me: User): boolean => me.role === 'owner' || me.role === 'admin'

/** Whether their role adds servers to the fleet. The API decides anew. */
export const addsServers = (me: User): boolean => decidesAboutPeople(me) || me.role === 'operator'

interface SessionState {
  /** The session ended under an open page: it asks to sign in again and keeps what is on it. */
  ended: boolean
  /** A page behind the sign-in is open, so an end concerns somebody. */
  active: boolean
}

export const useSession = create<SessionState>(() => ({ ended: false, active: false }))

function end(): void {
  if (useSession.getState().active) useSession.setState({ ended: true })
}

export function watchSession(): void {
  onSessionEnded(end)
  onLiveSessionEnded(end)
}

/** Signed in again on the same page. */
export function sessionRestored(): void {
  useSession.setState({ ended: false })
  liveSocket.retryNow()
}

export function sessionOpened(): void {
  useSession.setState({ ended: false, active: true })
  liveSocket.start()
}

export function sessionClosed(): void {
  useSession.setState({ ended: false, active: false })
  liveSocket.stop()
}
