/** The app's `LiveSocket` bound to the browser, and its state for React. */
import { useEffect } from 'react'
import { create } from 'zustand'
import { renewSession } from '../api/session-fetch'
import { setServerTime } from '../lib/now'
import type { LiveItem } from './frames'
import { type ConnectionState, LiveSocket, type WireSocket } from './socket'

const sessionEnded = new Set<() => void>()

function open(): WireSocket {
  const { protocol, host } = window.location
  return new WebSocket(
    `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/api/v1/ws/live`,
  ) as unknown as WireSocket
}

export const liveSocket = new LiveSocket({
  open,
  now: () => performance.now(),
  random: Math.random,
  setTimer: (run, ms) => window.setTimeout(run, ms),
  clearTimer: (timer) => window.clearTimeout(timer as number),
  renewSession,
  onSessionEnded: () => {
    for (const listener of sessionEnded) listener()
  },
})

interface LiveState {
  connection: ConnectionState
  /** Version of the server at the other end; null until the first `ready`. */
  version: string | null
}

export const useLive = create<LiveState>(() => ({ connection: liveSocket.state, version: null }))

liveSocket.on({
  state: (connection) => useLive.setState({ connection }),
  ready: ({ version, serverTime }) => {
    if (Number.isFinite(serverTime)) setServerTime(serverTime)
    useLive.setState({ version })
  },
})

export const useIsLive = (): boolean => useLive((state) => state.connection.kind === 'live')

export function onLiveSessionEnded(listener: () => void): () => void {
  sessionEnded.add(listener)
  return () => sessionEnded.delete(listener)
}

/** Reacts to what the browser knows about the network. Called once at start. */
export function watchNetwork(): void {
  window.addEventListener('online', () => liveSocket.retryNow())
  window.addEventListener('offline', () => liveSocket.networkLost())
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') liveSocket.retryNow()
  })
}

/** Keeps a topic subscribed while the component is mounted. */
export function useTopic(topic: string | null): void {
  useEffect(() => (topic === null ? undefined : liveSocket.subscribe(topic)), [topic])
}

/** Calls `take` with every live item while mounted; `take` has to keep its identity. */
export function useLiveItems(take: (items: LiveItem[]) => void): void {
  useEffect(() => liveSocket.on({ items: take }), [take])
}

/** Calls `reload` when what is on screen may have holes; `reload` has to keep its identity. */
export function useResync(reload: () => void): void {
  useEffect(() => liveSocket.on({ resync: reload }), [reload])
}
