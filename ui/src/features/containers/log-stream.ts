/**
 * The live log of one container: a socket that fills a buffer. Reconnects with jittered back-off and
 * then loads the newest lines anew; says what it is doing.
 */
import { useEffect, useState } from 'react'
import { renewSession } from '@/shared/api/session-fetch'
import { LogBuffer } from '@/shared/logs/buffer'
import type { LogLine } from '@/shared/logs/line'

export type StreamState =
  | { kind: 'connecting' }
  | { kind: 'live' }
  | { kind: 'ended'; text: string }
  | { kind: 'refused'; text: string }
  | { kind: 'waiting' }

type Frame =
  | { type: 'auth_success' }
  | { type: 'lines'; lines: [number | null, 'stdout' | 'stderr' | null, string][] }
  | { type: 'dropped'; lines: number }
  | { type: 'ended'; reason: string; message: string | null }
  | { type: 'error'; code: string; message: string }
  | { type: 'pong' }

const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 15_000
const UNAUTHENTICATED = 4401
const TAIL = 2_000

function ending(reason: string, message: string | null): string {
  if (message) return message
  if (reason === 'exited') return 'The container has ended.'
  if (reason === 'agent_stopped') return 'The agent on the host has stopped.'
  return 'The host ended the log.'
}

export function useLogStream(
  server: string,
  container: string,
): [LogBuffer, StreamState, () => void] {
  const [buffer] = useState(() => new LogBuffer())
  const [state, setState] = useState<StreamState>({ kind: 'connecting' })
  const [round, setRound] = useState(0)

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round connects again.
  useEffect(() => {
    const { protocol, host } = window.location
    const path = [server, container].map(encodeURIComponent).join('/')
    const url = `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/api/v1/ws/containers/${path}/logs`
    let socket: WebSocket | null = null
    let timer: ReturnType<typeof setTimeout> | undefined
    let attempt = 0
    let over = false
    /** What is shown is of an earlier connection, until the first lines of this one. */
    let fresh = false

    const take = (frame: Frame) => {
      switch (frame.type) {
        case 'auth_success':
          fresh = true
          setState({ kind: 'live' })
          return
        case 'lines':
          if (fresh) buffer.clear()
          fresh = false
          attempt = 0
          buffer.push(frame.lines.map(([at, stream, text]): LogLine => ({ at, stream, text })))
          return
        case 'dropped':
          buffer.skipped(Math.max(1, frame.lines))
          return
        case 'ended':
          over = true
          setState({ kind: 'ended', text: ending(frame.reason, frame.message) })
          return
        case 'error':
          over = frame.code !== 'CO1401'
          setState({ kind: 'refused', text: frame.message })
      }
    }
    const connect = () => {
      const current = new WebSocket(url)
      socket = current
      current.onopen = () => current.send(JSON.stringify({ type: 'auth', tail: TAIL }))
      current.onmessage = (event) => take(JSON.parse(String(event.data)) as Frame)
      current.onclose = async (event) => {
        if (socket !== current || over) return
        setState((before) => (before.kind === 'refused' ? before : { kind: 'waiting' }))
        if (event.code === UNAUTHENTICATED) await renewSession().catch(() => false)
        if (socket !== current) return
        const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt)
        attempt += 1
        timer = setTimeout(connect, ceiling / 2 + (Math.random() * ceiling) / 2)
      }
    }
    setState({ kind: 'connecting' })
    connect()
    return () => {
      clearTimeout(timer)
      const last = socket
      socket = null
      last?.close(1000)
    }
  }, [server, container, buffer, round])

  return [buffer, state, () => setRound((before) => before + 1)]
}
