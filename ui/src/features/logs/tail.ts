/**
 * Follows the lines of one server: `/api/v1/ws/logs/{server_id}`.
 *
 * Guarantees: it begins behind the position it is given, and after a break behind the last line it got,
 * so nothing is missing and nothing comes twice; where that cannot be, `gap` is called. Reconnects with jittered back-off until it is
 * stopped, renews the session when that has ended, and gives up only when the server may not be seen or
 * what is asked for cannot be followed.
 */
import type { LogEntry } from './logs-query'

export interface TailFilter {
  levels: string[]
  sources: string[]
  text: string | null
  pattern: string | null
}

export interface TailEvents {
  lines(entries: LogEntry[], dropped: number): void
  /** Lines up to this position are missing here. */
  gap(to: number): void
  state(state: TailState): void
  /** What of the filter cannot be followed, in words. It has ended. */
  wrong(message: string): void
}

export type TailState = 'connecting' | 'live' | 'reconnecting' | 'refused' | 'wrong'

export interface TailSocket {
  send(text: string): void
  close(): void
  onopen: (() => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number }) => void) | null
}

export interface TailDeps {
  open(): TailSocket
  random(): number
  setTimer(run: () => void, ms: number): unknown
  clearTimer(timer: unknown): void
  /** False: the session is over. */
  renewSession(): Promise<boolean>
}

type Frame =
  | { type: 'auth_success'; position: number }
  | { type: 'lines'; position: number; lines: LogEntry[]; dropped?: { lines: number }[] }
  | { type: 'gap'; from: number; to: number }
  | { type: 'error'; code: string; field?: string; message: string }
  | { type: 'pong' }

const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 30_000
const PING_EVERY_MS = 20_000
const UNAUTHENTICATED = 4401
const FORBIDDEN = 4403

function parse(data: unknown): Frame | null {
  if (typeof data !== 'string') return null
  try {
    const value: unknown = JSON.parse(data)
    return typeof value === 'object' && value !== null && 'type' in value ? (value as Frame) : null
  } catch {
    return null
  }
}

export class Tail {
  readonly #deps: TailDeps
  readonly #events: TailEvents
  readonly #filter: TailFilter
  #socket: TailSocket | null = null
  #position: number | null
  #met = false
  #attempt = 0
  #timer: unknown = null
  #beat: unknown = null
  #stopped = false

  /** `behind`: the position up to which the lines are known already; null: from now on. */
  constructor(filter: TailFilter, behind: number | null, events: TailEvents, deps: TailDeps) {
    this.#filter = filter
    this.#position = behind
    this.#events = events
    this.#deps = deps
    this.#connect()
  }

  stop(): void {
    this.#stopped = true
    this.#deps.clearTimer(this.#timer)
    this.#drop()
  }

  #connect(): void {
    this.#events.state(this.#met ? 'reconnecting' : 'connecting')
    const socket = this.#deps.open()
    this.#socket = socket
    socket.onopen = () => {
      const { levels, sources, text, pattern } = this.#filter
      const resume = this.#position === null ? {} : { resume: this.#position }
      socket.send(JSON.stringify({ type: 'auth', levels, sources, text, pattern, ...resume }))
      this.#ping()
    }
    socket.onmessage = ({ data }) => this.#hear(parse(data))
    socket.onclose = ({ code }) => {
      if (this.#socket === socket) void this.#ended(code)
    }
  }

  #hear(frame: Frame | null): void {
    if (frame?.type === 'auth_success') {
      this.#position ??= frame.position
      this.#met = true
      this.#attempt = 0
      this.#events.state('live')
    } else if (frame?.type === 'lines') {
      this.#position = frame.position
      const dropped = (frame.dropped ?? []).reduce((sum, one) => sum + one.lines, 0)
      this.#events.lines(frame.lines, dropped)
    } else if (frame?.type === 'gap') {
      this.#position = frame.to
      this.#events.gap(frame.to)
    } else if (frame?.type === 'error' && frame.field) {
      // Asked again, it would be as wrong.
      this.stop()
      this.#events.state('wrong')
      this.#events.wrong(frame.message)
    }
  }

  async #ended(code: number): Promise<void> {
    this.#drop()
    if (this.#stopped) return
    if (code === FORBIDDEN) {
      this.#stopped = true
      this.#events.state('refused')
      return
    }
    this.#events.state('reconnecting')
    if (code === UNAUTHENTICATED) {
      const renewed = await this.#deps.renewSession().catch(() => true)
      // The rest of the app leads to the sign-in.
      if (!renewed || this.#stopped) return
    }
    const most = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempt)
    this.#attempt += 1
    const delay = most * (0.5 + this.#deps.random() / 2)
    this.#timer = this.#deps.setTimer(() => this.#connect(), delay)
  }

  #ping(): void {
    this.#beat = this.#deps.setTimer(() => {
      this.#socket?.send('{"type":"ping"}')
      this.#ping()
    }, PING_EVERY_MS)
  }

  #drop(): void {
    this.#deps.clearTimer(this.#beat)
    const socket = this.#socket
    this.#socket = null
    if (!socket) return
    socket.onopen = null
    socket.onmessage = null
    socket.onclose = null
    socket.close()
  }
}
