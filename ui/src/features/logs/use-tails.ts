/** Follows several servers while mounted. */
import { useEffect, useRef, useState } from 'react'
import { renewSession } from '@/shared/api/session-fetch'
import type { LogEntry } from './logs-query'
import { Tail, type TailFilter, type TailSocket, type TailState } from './tail'

function openSocket(serverId: string): TailSocket {
  const { protocol, host } = window.location
  const scheme = protocol === 'https:' ? 'wss' : 'ws'
  return new WebSocket(`${scheme}://${host}/api/v1/ws/logs/${serverId}`) as unknown as TailSocket
}

const WORST: TailState[] = ['wrong', 'refused', 'reconnecting', 'connecting', 'live']

/**
 * `servers` joined by commas; empty: nothing is followed. They begin behind the position `behind` has
 * at that moment. Gives the worst state of all of them, and what of the filter cannot be followed.
 */
export function useTails(
  servers: string,
  filter: TailFilter,
  behind: number | null,
  take: (entries: LogEntry[], dropped: number) => void,
  onGap: (to: number) => void,
): { state: TailState | null; wrong: string | null } {
  const [states, setStates] = useState<Record<string, TailState>>({})
  const [wrong, setWrong] = useState<string | null>(null)
  const latest = useRef({ behind, take, onGap })
  latest.current = { behind, take, onGap }
  const key = JSON.stringify(filter)
  useEffect(() => {
    const wanted = JSON.parse(key) as TailFilter
    const ids = servers.split(',').filter((id) => id !== '')
    setStates({})
    setWrong(null)
    const tails = ids.map(
      (id) =>
        new Tail(
          wanted,
          latest.current.behind,
          {
            lines: (entries, dropped) => latest.current.take(entries, dropped),
            gap: (to) => latest.current.onGap(to),
            state: (state) => setStates((before) => ({ ...before, [id]: state })),
            wrong: setWrong,
          },
          {
            open: () => openSocket(id),
            random: Math.random,
            setTimer: (run, ms) => window.setTimeout(run, ms),
            clearTimer: (timer) => window.clearTimeout(timer as number),
            renewSession,
          },
        ),
    )
    return () => {
      for (const tail of tails) tail.stop()
    }
  }, [servers, key])
  if (servers === '') return { state: null, wrong: null }
  const all = Object.values(states)
  return { state: WORST.find((state) => all.includes(state)) ?? 'connecting', wrong }
}
