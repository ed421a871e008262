/**
 * One terminal's socket: `/api/v1/ws/terminal/{server}`.
 *
 * Guarantees: every byte of the session is given to `output` once and in order, whatever happens to
 * the socket; the server is told what has been shown, and sends no more than a window beyond that.
 * After a break it comes back by itself and goes on at the byte where it stopped, until the session
 * is over. Knows nothing of React or of the terminal library; takes its clock, timers and socket
 * from outside so that tests drive it.
 */

export interface Ending {
  reason: string
  exitCode: number | null
  message: string | null
}

export interface Refusal {
  code: string
  message: string
  detail: string | null
}

export type WireState =
  | { kind: 'connecting' }
  | { kind: 'open' }
  /** Broken; the next attempt is at `retryAt` (0: it runs right now). */
  | { kind: 'reconnecting'; since: number; retryAt: number }
  | { kind: 'ended'; ending: Ending }
  | { kind: 'refused'; refusal: Refusal }
  /** Another page goes on with this session. */
  | { kind: 'taken' }
  | { kind: 'stopped' }

export interface Opened {
  session: string
  reattached: boolean
  recorded: boolean
  idleS: number
  leaseS: number
}

export interface BinarySocket {
  binaryType: string
  send(data: string | Uint8Array): void
  close(code?: number): void
  onopen: (() => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: ((event: { code: number }) => void) | null
}

export interface WireDeps {
  open(): BinarySocket
  now(): number
  random(): number
  setTimer(run: () => void, ms: number): unknown
  clearTimer(timer: unknown): void
  /** Fresh cookies; false: the session is over; a rejection: could not be asked. */
  renewSession(): Promise<boolean>
}

export interface WireEvents {
  state(state: WireState): void
  opened(opened: Opened): void
  /** Call `shown` once the bytes are on the screen. */
  output(data: Uint8Array, shown: () => void): void
  /** Output between what was given last and what comes next is gone. */
  lost(): void
}

export interface Wish {
  cols: number
  rows: number
  container?: string
  session?: string
}

/** Acknowledged at once when so much has been shown since, and after a while anyway. */
const ACK_BYTES = 32 * 1024
const ACK_AFTER_MS = 100
/** A paste goes out in pieces of this size. */
const PIECE = 8 * 1024
export const FIRST_DELAY_MS = 250
export const MAX_DELAY_MS = 5_000
const PING_EVERY_MS = 5_000
const DEAD_AFTER_MS = 12_000

const OVER = 1000
const BAD_FRAME = 4400
const UNAUTHENTICATED = 4401
const FORBIDDEN = 4403
const TAKEN = 4409

export class TerminalWire {
  readonly #deps: WireDeps
  readonly #events: WireEvents
  readonly #wish: Wish
  #state: WireState = { kind: 'connecting' }
  #socket: BinarySocket | null = null
  #session: string | null
  /** Bytes received, shown, and told to be shown. */
  #received = 0
  #shown = 0
  #told = 0
  #attempt = 0
  #renewals = 0
  #brokenSince = 0
  #lastHeard = 0
  #retryTimer: unknown = null
  #beatTimer: unknown = null
  #ackTimer: unknown = null
  /** What the server said before it closed. */
  #refusal: Refusal | null = null

  constructor(deps: WireDeps, events: WireEvents, wish: Wish) {
    this.#deps = deps
    this.#events = events
    this.#wish = wish
    this.#session = wish.session ?? null
  }

  get state(): WireState {
    return this.#state
  }

  get session(): string | null {
    return this.#session
  }

  start(): void {
    this.#set({ kind: 'connecting' })
    this.#connect()
  }

  /** The page leaves; the session waits for its opener. */
  stop(): void {
    this.#clear()
    this.#drop()
    this.#set({ kind: 'stopped' })
  }

  /** Ends the session. */
  close(): void {
    this.#sendText({ type: 'close' })
  }

  /** The network is back, the tab is visible again, or the person asked: try now. */
  retryNow(): void {
    if (this.#state.kind === 'taken') {
      this.#attempt = 0
      this.#connect()
      return
    }
    if (this.#state.kind !== 'reconnecting' || this.#socket) return
    this.#attempt = 0
    this.#connect()
  }

  /** What was typed. False: there is no line, and nothing was sent. */
  type(data: Uint8Array): boolean {
    if (this.#state.kind !== 'open' || !this.#socket) return false
    for (let at = 0; at < data.length; at += PIECE) {
      this.#socket.send(data.subarray(at, at + PIECE))
    }
    return true
  }

  resize(cols: number, rows: number): void {
    this.#wish.cols = cols
    this.#wish.rows = rows
    if (this.#state.kind === 'open') this.#sendText({ type: 'resize', cols, rows })
  }

  #connect(): void {
    this.#clear()
    if (this.#state.kind === 'reconnecting') this.#set({ ...this.#state, retryAt: 0 })
    const socket = this.#deps.open()
    socket.binaryType = 'arraybuffer'
    this.#socket = socket
    this.#lastHeard = this.#deps.now()
    this.#beat()
    socket.onopen = () => {
      if (this.#socket !== socket) return
      const { cols, rows, container } = this.#wish
      const session = this.#session ?? undefined
      const from = session ? this.#received : undefined
      this.#sendText({ type: 'open', cols, rows, container, session, from })
    }
    socket.onmessage = (event) => {
      if (this.#socket !== socket) return
      this.#lastHeard = this.#deps.now()
      if (typeof event.data === 'string') this.#take(event.data)
      else if (event.data instanceof ArrayBuffer) this.#output(event.data)
    }
    socket.onclose = (event) => {
      if (this.#socket === socket) this.#broken(event.code)
    }
  }

  #take(text: string): void {
    let frame: Record<string, unknown>
    try {
      frame = JSON.parse(text)
    } catch {
      return
    }
    switch (frame.type) {
      case 'opened': {
        this.#session = String(frame.session)
        this.#attempt = 0
        this.#renewals = 0
        this.#brokenSince = 0
        // The host counts anew what it may send; it learns again what has been shown.
        this.#told = 0
        this.#set({ kind: 'open' })
        this.#events.opened({
          session: this.#session,
          reattached: frame.reattached === true,
          recorded: frame.recorded === true,
          idleS: Number(frame.idle_s),
          leaseS: Number(frame.lease_s),
        })
        return
      }
      case 'lost': {
        const upTo = Number(frame.up_to)
        if (!(upTo > this.#received)) return
        this.#received = upTo
        this.#events.lost()
        // Nothing of it will be shown; what was before is on its way to the screen.
        this.#show(upTo)
        return
      }
      case 'ended':
        this.#finish({
          kind: 'ended',
          ending: {
            reason: String(frame.reason),
            exitCode: typeof frame.exit_code === 'number' ? frame.exit_code : null,
            message: typeof frame.message === 'string' ? frame.message : null,
          },
        })
        return
      case 'error':
        // The server says by the code of the close whether it is worth trying again.
        this.#refusal = {
          code: String(frame.code),
          message: String(frame.message),
          detail: typeof frame.detail === 'string' ? frame.detail : null,
        }
        return
    }
  }

  #output(buffer: ArrayBuffer): void {
    if (buffer.byteLength < 8) return
    const off = Number(new DataView(buffer).getBigUint64(0))
    // After a reconnect the server begins exactly where we are; anything else is not ours.
    const known = this.#received - off
    if (known < 0 || known >= buffer.byteLength - 8) return
    const data = new Uint8Array(buffer, 8 + known)
    this.#received += data.length
    const upTo = this.#received
    this.#events.output(data, () => this.#show(upTo))
  }

  #show(upTo: number): void {
    this.#shown = Math.max(this.#shown, upTo)
    if (this.#shown - this.#told >= ACK_BYTES) this.#acknowledge()
    else this.#ackTimer ??= this.#deps.setTimer(() => this.#acknowledge(), ACK_AFTER_MS)
  }

  #acknowledge(): void {
    this.#deps.clearTimer(this.#ackTimer)
    this.#ackTimer = null
    if (this.#state.kind !== 'open' || this.#shown <= this.#told) return
    this.#told = this.#shown
    this.#sendText({ type: 'ack', off: this.#shown })
  }

  #broken(code: number): void {
    this.#drop()
    if (code === TAKEN) {
      this.#finish({ kind: 'taken' })
    } else if (code === OVER || code === FORBIDDEN || code === BAD_FRAME) {
      this.#finish({
        kind: 'refused',
        refusal: this.#refusal ?? {
          code: String(code),
          message: code === FORBIDDEN ? 'You may not do this' : 'The terminal was closed',
          detail: null,
        },
      })
    } else if (code === UNAUTHENTICATED) {
      this.#renewThenConnect()
    } else {
      this.#scheduleRetry()
    }
  }

  #scheduleRetry(): void {
    const now = this.#deps.now()
    this.#refusal = null
    if (this.#brokenSince === 0) this.#brokenSince = now
    const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempt)
    this.#attempt += 1
    const delay = ceiling / 2 + (this.#deps.random() * ceiling) / 2
    this.#set({ kind: 'reconnecting', since: this.#brokenSince, retryAt: now + delay })
    this.#retryTimer = this.#deps.setTimer(() => this.#connect(), delay)
  }

  #renewThenConnect(): void {
    this.#renewals += 1
    // A session that is renewed but refused again and again must not spin.
    if (this.#renewals > 2) {
      this.#scheduleRetry()
      return
    }
    this.#brokenSince ||= this.#deps.now()
    this.#set({ kind: 'reconnecting', since: this.#brokenSince, retryAt: 0 })
    this.#deps.renewSession().then(
      (renewed) => {
        if (this.#state.kind !== 'reconnecting' || this.#socket) return
        if (renewed) this.#connect()
        else this.#scheduleRetry()
      },
      () => {
        if (this.#state.kind === 'reconnecting' && !this.#socket) this.#scheduleRetry()
      },
    )
  }

  /** Asks for a sign of life now and then, and gives a silent connection up. */
  #beat(): void {
    this.#deps.clearTimer(this.#beatTimer)
    this.#beatTimer = this.#deps.setTimer(() => {
      if (!this.#socket) return
      if (this.#deps.now() - this.#lastHeard >= DEAD_AFTER_MS) {
        this.#drop()
        this.#scheduleRetry()
        return
      }
      if (this.#state.kind === 'open') this.#sendText({ type: 'ping' })
      this.#beat()
    }, PING_EVERY_MS)
  }

  #sendText(frame: Record<string, unknown>): void {
    this.#socket?.send(JSON.stringify(frame))
  }

  #finish(state: WireState): void {
    this.#clear()
    this.#drop()
    this.#set(state)
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

  #clear(): void {
    this.#deps.clearTimer(this.#retryTimer)
    this.#deps.clearTimer(this.#ackTimer)
    this.#retryTimer = null
    this.#ackTimer = null
  }

  #set(state: WireState): void {
    this.#state = state
    this.#events.state(state)
  }
}
