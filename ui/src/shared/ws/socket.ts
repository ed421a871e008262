/**
 * The one socket of the app: `/api/v1/ws/live`.
 *
 * Guarantees: subscriptions are counted and survive reconnects; after a short break the stream
 * continues at the sequence where it stopped (`resume`), so nothing is missing; after a long one, or
 * when the server says there is a gap, listeners get `resync` and load anew. Reconnects for ever
 * with jittered back-off, at once when the network or the tab comes back. Topics of a command, of a
 * job and of the alerts are watched: each begins where its watcher says, also after a break, and its watcher is told
 * when nothing comes this way, so that it can ask in another. Knows nothing of React, and takes its
 * clock, timers and socket from outside so that tests drive it.
 */
import {
  type ClientFrame,
  type LiveItem,
  parseFrame,
  type ServerFrame,
  type WatchedFrame,
} from './frames'

export type ConnectionState =
  /** First attempt, nothing shown yet. */
  | { kind: 'connecting' }
  | { kind: 'live' }
  /** Broken a moment ago; the next attempt is at `retryAt` (0: it runs right now). */
  | { kind: 'reconnecting'; since: number; retryAt: number }
  /** Broken for so long that the page should say "offline"; attempts go on. */
  | { kind: 'offline'; since: number; retryAt: number }
  /** Not wanted: signed out. */
  | { kind: 'stopped' }

export interface LiveEvents {
  state(state: ConnectionState): void
  items(items: LiveItem[], seq: number): void
  ready(info: { version: string; serverTime: number; resumed: boolean }): void
  /** What is on screen may have holes: load it again. */
  resync(): void
}

/** Somebody who follows one command, one job or the alerts. */
export interface Watcher {
  /** Where to begin, asked at every subscription. */
  from?(): number
  take(frame: WatchedFrame): void
  /** From now on the topic tells what happens, or it does not: no connection, or refused. */
  tells(does: boolean): void
}

export interface WireSocket {
  send(text: string): void
  close(code?: number): void
  onopen: (() => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number }) => void) | null
}

export interface SocketDeps {
  open(): WireSocket
  now(): number
  random(): number
  setTimer(run: () => void, ms: number): unknown
  clearTimer(timer: unknown): void
  /** Fresh cookies; false: the session is over; a rejection: could not be asked. */
  renewSession(): Promise<boolean>
  onSessionEnded(): void
}

export const FIRST_DELAY_MS = 500
export const MAX_DELAY_MS = 30_000
export const PING_EVERY_MS = 7_500
export const DEAD_AFTER_MS = 15_000
export const OFFLINE_AFTER_MS = 10_000
/**
 * A position older than this is not resumed: after a long break, or when nothing was subscribed for
 * a while, loading is cheaper than replaying.
 */
export const RESUME_WITHIN_MS = 120_000
const UNAUTHENTICATED = 4401

export class LiveSocket {
  readonly #deps: SocketDeps
  readonly #listeners = new Set<Partial<LiveEvents>>()
  readonly #topics = new Map<string, number>()
  readonly #watched = new Map<string, Set<Watcher>>()
  readonly #telling = new Set<string>()
  #state: ConnectionState = { kind: 'stopped' }
  #socket: WireSocket | null = null
  #wanted = false
  #attempt = 0
  #seq: number | null = null
  #seqAt = 0
  #resuming = false
  #everLive = false
  #brokenSince = 0
  #lastHeard = 0
  #retryTimer: unknown = null
  #beatTimer: unknown = null

  constructor(deps: SocketDeps) {
    this.#deps = deps
  }

  get state(): ConnectionState {
    return this.#state
  }

  on(listener: Partial<LiveEvents>): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  start(): void {
    if (this.#wanted) return
    this.#wanted = true
    this.#attempt = 0
    this.#set({ kind: 'connecting' })
    this.#connect()
  }

  /** Signing out: forgets the position too, it belongs to that user. */
  stop(): void {
    this.#wanted = false
    this.#seq = null
    this.#everLive = false
    this.#brokenSince = 0
    this.#clearRetry()
    this.#drop()
    this.#telling.clear()
    this.#set({ kind: 'stopped' })
  }

  /** The network is back, the tab is visible again, or the user asked: try now. */
  retryNow(): void {
    if (!this.#wanted || this.#socket) return
    this.#attempt = 0
    this.#clearRetry()
    this.#connect()
  }

  /** The browser says that the network is gone: do not wait for the dead timer. */
  networkLost(): void {
    if (this.#socket) this.#broken(0)
  }

  /** Wants a topic until the returned function is called. Several wishes share one subscription. */
  subscribe(topic: string): () => void {
    const wishes = this.#topics.get(topic) ?? 0
    this.#topics.set(topic, wishes + 1)
    if (wishes === 0 && this.#state.kind === 'live') {
      this.#send({ type: 'subscribe', topics: [topic] })
    }
    let released = false
    return () => {
      if (released) return
      released = true
      const left = (this.#topics.get(topic) ?? 1) - 1
      if (left > 0) {
        this.#topics.set(topic, left)
        return
      }
      this.#topics.delete(topic)
      if (this.#state.kind === 'live') this.#send({ type: 'unsubscribe', topics: [topic] })
    }
  }

  /** Follows a topic until the returned function is called. */
  watch(topic: string, watcher: Watcher): () => void {
    const watchers = this.#watched.get(topic) ?? new Set()
    this.#watched.set(topic, watchers.add(watcher))
    if (this.#state.kind === 'live') {
      // Whoever comes later wants the beginning too.
      if (watchers.size > 1) this.#send({ type: 'unsubscribe', topics: [topic] })
      this.#begin([topic])
    }
    return () => {
      if (!watchers.delete(watcher) || watchers.size > 0) return
      this.#watched.delete(topic)
      this.#telling.delete(topic)
      if (this.#state.kind === 'live') this.#send({ type: 'unsubscribe', topics: [topic] })
    }
  }

  /** Whether what happens to this topic is told. */
  tells(topic: string): boolean {
    return this.#telling.has(topic)
  }

  #begin(topics: string[]): void {
    const from: Record<string, number> = {}
    for (const topic of topics) {
      const begins = [...(this.#watched.get(topic) ?? [])].map((watcher) => watcher.from?.() ?? 0)
      from[topic] = Math.min(...begins)
    }
    this.#send({ type: 'subscribe', topics, from })
  }

  #tell(topic: string, does: boolean): void {
    if (does && this.#telling.has(topic)) return
    if (does) this.#telling.add(topic)
    else this.#telling.delete(topic)
    for (const watcher of [...(this.#watched.get(topic) ?? [])]) watcher.tells(does)
  }

  #connect(): void {
    this.#clearRetry()
    if (this.#state.kind === 'reconnecting' || this.#state.kind === 'offline') {
      this.#set({ ...this.#state, retryAt: 0 })
    }
    const socket = this.#deps.open()
    this.#socket = socket
    this.#lastHeard = this.#deps.now()
    this.#beat()
    socket.onopen = () => {
      if (this.#socket !== socket) return
      const canResume = this.#seq !== null && this.#deps.now() - this.#seqAt <= RESUME_WITHIN_MS
      this.#resuming = canResume
      this.#send(
        canResume && this.#seq !== null ? { type: 'hello', resume: this.#seq } : { type: 'hello' },
      )
    }
    socket.onmessage = (event) => {
      if (this.#socket !== socket) return
      this.#lastHeard = this.#deps.now()
      const frame = parseFrame(event.data)
      if (frame) this.#take(frame)
    }
    socket.onclose = (event) => {
      if (this.#socket === socket) this.#broken(event.code)
    }
  }

  #take(frame: ServerFrame): void {
    switch (frame.type) {
      case 'ready': {
        const again = this.#everLive
        const resumed = this.#resuming
        if (!resumed || this.#seq === null) this.#reached(frame.seq)
        this.#attempt = 0
        this.#everLive = true
        this.#brokenSince = 0
        this.#set({ kind: 'live' })
        if (this.#topics.size > 0) {
          this.#send({ type: 'subscribe', topics: [...this.#topics.keys()] })
        }
        if (this.#watched.size > 0) this.#begin([...this.#watched.keys()])
        const serverTime =
          typeof frame.server_time === 'number' ? frame.server_time : Date.parse(frame.server_time)
        this.#emit((listener) => listener.ready?.({ version: frame.version, serverTime, resumed }))
        if (again && !resumed) this.#emit((listener) => listener.resync?.())
        return
      }
      case 'batch':
        this.#reached(frame.seq)
        this.#emit((listener) => listener.items?.(frame.items, frame.seq))
        return
      case 'gap':
        this.#reached(frame.to)
        this.#emit((listener) => listener.resync?.())
        return
      case 'subscribed':
        for (const topic of frame.topics) {
          if (this.#watched.has(topic)) this.#tell(topic, true)
        }
        for (const { topic } of frame.refused ?? []) this.#tell(topic, false)
        return
      case 'command':
      case 'output':
      case 'job':
      case 'alerts':
        for (const watcher of [...(this.#watched.get(frame.topic) ?? [])]) watcher.take(frame)
        return
      case 'pong':
        return
    }
  }

  #reached(seq: number): void {
    this.#seq = Math.max(this.#seq ?? 0, seq)
    this.#seqAt = this.#deps.now()
  }

  #broken(code: number): void {
    this.#drop()
    for (const topic of [...this.#telling]) this.#tell(topic, false)
    if (!this.#wanted) return
    const now = this.#deps.now()
    if (this.#brokenSince === 0) this.#brokenSince = now
    if (code === UNAUTHENTICATED) {
      this.#renewThenConnect()
      return
    }
    this.#scheduleRetry()
  }

  #scheduleRetry(): void {
    const now = this.#deps.now()
    const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempt)
    this.#attempt += 1
    // Full jitter over the upper half: a restarted server is not met by everybody at once.
    const delay = ceiling / 2 + (this.#deps.random() * ceiling) / 2
    const since = this.#brokenSince
    const kind = now - since >= OFFLINE_AFTER_MS ? 'offline' : 'reconnecting'
    this.#set({ kind, since, retryAt: now + delay })
    this.#retryTimer = this.#deps.setTimer(() => this.#connect(), delay)
  }

  #renewThenConnect(): void {
    this.#set({ kind: 'reconnecting', since: this.#brokenSince, retryAt: 0 })
    this.#deps.renewSession().then(
      (renewed) => {
        if (!this.#wanted || this.#socket) return
        if (renewed) {
          // A session that is renewed but refused again and again must not spin.
          if (this.#attempt === 0) {
            this.#attempt = 1
            this.#connect()
          } else {
            this.#scheduleRetry()
          }
        } else {
          this.#deps.onSessionEnded()
          this.#scheduleRetry()
        }
      },
      () => {
        if (this.#wanted && !this.#socket) this.#scheduleRetry()
      },
    )
  }

  /** Asks for a sign of life now and then, and gives a silent connection up. */
  #beat(): void {
    this.#deps.clearTimer(this.#beatTimer)
    this.#beatTimer = this.#deps.setTimer(() => {
      if (!this.#socket) return
      if (this.#deps.now() - this.#lastHeard >= DEAD_AFTER_MS) {
        this.#broken(0)
        return
      }
      if (this.#state.kind === 'live') this.#send({ type: 'ping' })
      this.#beat()
    }, PING_EVERY_MS)
  }

  #send(frame: ClientFrame): void {
    this.#socket?.send(JSON.stringify(frame))
  }

  #drop(): void {
    this.#deps.clearTimer(this.#beatTimer)
    const socket = this.#socket
    this.#socket = null
    if (!socket) return
    socket.onopen = null
    socket.onmessage = null
    socket.onclose = null
    socket.close(1000)
  }

  #clearRetry(): void {
    this.#deps.clearTimer(this.#retryTimer)
    this.#retryTimer = null
  }

  #set(state: ConnectionState): void {
    this.#state = state
    this.#emit((listener) => listener.state?.(state))
  }

  #emit(call: (listener: Partial<LiveEvents>) => void): void {
    for (const listener of [...this.#listeners]) call(listener)
  }
}
