import { describe, expect, it, vi } from 'vitest'
import { type BinarySocket, TerminalWire, type WireState } from './wire'

class FakeSocket implements BinarySocket {
  binaryType = ''
  sent: (string | Uint8Array)[] = []
  closed: number | undefined
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  send(data: string | Uint8Array) {
    this.sent.push(data)
  }
  close(code?: number) {
    this.closed = code
  }
  say(frame: object) {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
  output(off: number, text: string) {
    const bytes = new TextEncoder().encode(text)
    const frame = new Uint8Array(8 + bytes.length)
    new DataView(frame.buffer).setBigUint64(0, BigInt(off))
    frame.set(bytes, 8)
    this.onmessage?.({ data: frame.buffer })
  }
  said(kind: string) {
    return this.sent
      .filter((one) => typeof one === 'string')
      .map((one) => JSON.parse(one))
      .filter((frame) => frame.type === kind)
  }
}

function setUp() {
  vi.useFakeTimers()
  const sockets: FakeSocket[] = []
  const states: WireState[] = []
  let shown = ''
  let lost = 0
  let hold: (() => void)[] | null = null
  const wire = new TerminalWire(
    {
      open: () => {
        const socket = new FakeSocket()
        sockets.push(socket)
        return socket
      },
      now: () => Date.now(),
      random: () => 1,
      setTimer: (run, ms) => setTimeout(run, ms),
      clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
      renewSession: async () => true,
    },
    {
      state: (state) => states.push(state),
      opened: () => {},
      output: (data, done) => {
        shown += new TextDecoder().decode(data)
        if (hold) hold.push(done)
        else done()
      },
      lost: () => {
        lost += 1
      },
    },
    { cols: 80, rows: 24 },
  )
  wire.start()
  const last = () => {
    const socket = sockets.at(-1)
    if (!socket) throw new Error('no socket')
    return socket
  }
  const open = (reattached = false) => {
    last().onopen?.()
    last().say({ type: 'opened', session: 's1', reattached, idle_s: 60, lease_s: 600 })
  }
  return {
    wire,
    sockets,
    states,
    last,
    open,
    text: () => shown,
    losses: () => lost,
    holdBack: () => {
      hold = []
      return hold
    },
  }
}

describe('the wire of a terminal', () => {
  it('comes back where it stopped and shows every byte once', () => {
    const { sockets, last, open, text, states } = setUp()
    open()
    last().output(0, 'one ')
    last().output(4, 'two ')
    last().onclose?.({ code: 1006 })
    expect(states.at(-1)?.kind).toBe('reconnecting')
    vi.advanceTimersByTime(300)
    expect(sockets).toHaveLength(2)
    last().onopen?.()
    expect(last().said('open')[0]).toMatchObject({ session: 's1', from: 8 })
    last().say({ type: 'opened', session: 's1', reattached: true, idle_s: 60, lease_s: 600 })
    // The server may begin a little earlier.
    last().output(4, 'two three')
    expect(text()).toBe('one two three')
  })

  it('acknowledges what is on the screen, not what has arrived', () => {
    const { last, open, holdBack } = setUp()
    const waiting = holdBack()
    open()
    last().output(0, 'x'.repeat(40_000))
    vi.advanceTimersByTime(1_000)
    expect(last().said('ack')).toEqual([])
    for (const done of waiting) done()
    expect(last().said('ack')).toEqual([{ type: 'ack', off: 40_000 }])
  })

  it('acknowledges little output after a while', () => {
    const { last, open } = setUp()
    open()
    last().output(0, 'ab')
    expect(last().said('ack')).toEqual([])
    vi.advanceTimersByTime(200)
    expect(last().said('ack')).toEqual([{ type: 'ack', off: 2 }])
  })

  it('says when output is gone and goes on behind it', () => {
    const { last, open, text, losses } = setUp()
    open()
    last().say({ type: 'lost', up_to: 100 })
    last().output(100, 'later')
    expect(losses()).toBe(1)
    expect(text()).toBe('later')
  })

  it('ends with the session and does not come back', () => {
    const { sockets, last, open, states } = setUp()
    open()
    last().say({ type: 'ended', reason: 'exited', exit_code: 3, message: null })
    expect(states.at(-1)).toEqual({
      kind: 'ended',
      ending: { reason: 'exited', exitCode: 3, message: null },
    })
    vi.advanceTimersByTime(60_000)
    expect(sockets).toHaveLength(1)
  })

  it('tells why it was refused', () => {
    const { last, states } = setUp()
    last().onopen?.()
    last().say({ type: 'error', code: 'CO1403', message: 'no', detail: 'grant terminal 30m' })
    last().onclose?.({ code: 1000 })
    expect(states.at(-1)).toEqual({
      kind: 'refused',
      refusal: { code: 'CO1403', message: 'no', detail: 'grant terminal 30m' },
    })
  })

  it('gives a silent line up', () => {
    const { sockets, open, states } = setUp()
    open()
    vi.advanceTimersByTime(16_000)
    expect(states.some((state) => state.kind === 'reconnecting')).toBe(true)
    expect(sockets.length).toBeGreaterThan(1)
  })

  it('does not fight with another page over a session', () => {
    const { sockets, last, open, wire, states } = setUp()
    open()
    last().onclose?.({ code: 4409 })
    vi.advanceTimersByTime(60_000)
    expect(states.at(-1)?.kind).toBe('taken')
    expect(sockets).toHaveLength(1)
    wire.retryNow()
    expect(sockets).toHaveLength(2)
  })

  it('sends what is typed only on an open line', () => {
    const { last, open, wire } = setUp()
    expect(wire.type(new Uint8Array([1]))).toBe(false)
    open()
    expect(wire.type(new Uint8Array(20_000))).toBe(true)
    const pieces = last().sent.filter((one) => typeof one !== 'string')
    expect(pieces.map((piece) => piece.length)).toEqual([8192, 8192, 3616])
  })
})
