import { beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type ConnectionState,
  DEAD_AFTER_MS,
  LiveSocket,
  OFFLINE_AFTER_MS,
  PING_EVERY_MS,
  RESUME_WITHIN_MS,
  type WireSocket,
} from './socket'

class FakeWire implements WireSocket {
  sent: unknown[] = []
  closed = false
  onopen: (() => void) | null = null
  onmessage: ((event: { data: unknown }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  send(text: string) {
    this.sent.push(JSON.parse(text))
  }
  close() {
    this.closed = true
  }
  push(frame: unknown) {
    this.onmessage?.({ data: typeof frame === 'string' ? frame : JSON.stringify(frame) })
  }
  ready(seq: number) {
    this.onopen?.()
    this.push({ type: 'ready', seq, version: '1', server_time: '2026-01-01T00:00:00.000Z' })
  }
}

function setup() {
  vi.useFakeTimers({ now: 1_000_000 })
  const wires: FakeWire[] = []
  const states: ConnectionState['kind'][] = []
  const seen = { items: [] as unknown[], resyncs: 0, ended: 0 }
  const renew = vi.fn(async () => true)
  const socket = new LiveSocket({
    open: () => {
      const wire = new FakeWire()
      wires.push(wire)
      return wire
    },
    now: () => Date.now(),
    random: () => 1,
    setTimer: (run, ms) => setTimeout(run, ms),
    clearTimer: (timer) => clearTimeout(timer as number),
    renewSession: renew,
    onSessionEnded: () => {
      seen.ended += 1
    },
  })
  socket.on({
    state: (state) => states.push(state.kind),
    items: (items) => seen.items.push(...items),
    resync: () => {
      seen.resyncs += 1
    },
  })
  const last = () => {
    const wire = wires.at(-1)
    if (!wire) throw new Error('no socket was opened')
    return wire
  }
  return { socket, wires, last, states, seen, renew }
}

describe('LiveSocket', () => {
  beforeEach(() => {
    vi.useRealTimers()
  })

  it('says hello, becomes live and subscribes to what was wished before', () => {
    const { socket, last, states } = setup()
    socket.subscribe('fleet')
    socket.start()
    last().ready(10)
    expect(last().sent).toEqual([{ type: 'hello' }, { type: 'subscribe', topics: ['fleet'] }])
    expect(states).toEqual(['connecting', 'live'])
  })

  it('shares one subscription between several wishes', () => {
    const { socket, last } = setup()
    socket.start()
    last().ready(1)
    const first = socket.subscribe('server:a')
    const second = socket.subscribe('server:a')
    first()
    first()
    expect(last().sent.slice(1)).toEqual([{ type: 'subscribe', topics: ['server:a'] }])
    second()
    expect(last().sent.at(-1)).toEqual({ type: 'unsubscribe', topics: ['server:a'] })
  })

  it('resumes after the last sequence it saw and asks for the topics again', () => {
    const { socket, wires, last, seen } = setup()
    socket.subscribe('server:a')
    socket.start()
    last().ready(100)
    last().push({ type: 'batch', seq: 107, items: [{ k: 'row' }] })
    last().onclose?.({ code: 1006 })
    expect(socket.state).toMatchObject({ kind: 'reconnecting', retryAt: Date.now() + 500 })
    vi.advanceTimersByTime(500)
    expect(wires).toHaveLength(2)
    last().ready(120)
    expect(last().sent).toEqual([
      { type: 'hello', resume: 107 },
      { type: 'subscribe', topics: ['server:a'] },
    ])
    expect(seen.resyncs).toBe(0)
    // Without a batch in between, the next break resumes at the same place, not at `ready`.
    last().onclose?.({ code: 1006 })
    vi.advanceTimersByTime(60_000)
    last().onopen?.()
    expect(last().sent[0]).toEqual({ type: 'hello', resume: 107 })
  })

  it('does not replay a time in which nothing was wanted', () => {
    const { socket, last, seen } = setup()
    socket.start()
    last().ready(10)
    for (let spent = 0; spent <= RESUME_WITHIN_MS; spent += PING_EVERY_MS) {
      vi.advanceTimersByTime(PING_EVERY_MS)
      last().push({ type: 'pong' })
    }
    last().onclose?.({ code: 1006 })
    vi.advanceTimersByTime(500)
    last().ready(99)
    expect(last().sent[0]).toEqual({ type: 'hello' })
    expect(seen.resyncs).toBe(1)
  })

  it('resumes from the position of `ready` when nothing came after it', () => {
    const { socket, last } = setup()
    socket.start()
    last().ready(55)
    last().onclose?.({ code: 1006 })
    vi.advanceTimersByTime(500)
    last().onopen?.()
    expect(last().sent[0]).toEqual({ type: 'hello', resume: 55 })
  })

  it('loads anew instead of replaying a long break', () => {
    const { socket, last, seen } = setup()
    socket.start()
    last().ready(5)
    last().onclose?.({ code: 1006 })
    while (Date.now() < 1_000_000 + RESUME_WITHIN_MS + 1) {
      vi.advanceTimersByTime(30_000)
      last().onclose?.({ code: 1006 })
    }
    vi.advanceTimersByTime(30_000)
    last().ready(900)
    expect(last().sent[0]).toEqual({ type: 'hello' })
    expect(seen.resyncs).toBe(1)
  })

  it('loads anew when the server cannot replay all', () => {
    const { socket, last, seen } = setup()
    socket.start()
    last().ready(5)
    last().push({ type: 'gap', from: 6, to: 40 })
    expect(seen.resyncs).toBe(1)
    last().onclose?.({ code: 1006 })
    vi.advanceTimersByTime(500)
    last().onopen?.()
    expect(last().sent[0]).toEqual({ type: 'hello', resume: 40 })
  })

  it('doubles the wait up to 30 s and calls itself offline after a while', () => {
    const { socket, last, states } = setup()
    socket.start()
    last().ready(1)
    const waits: number[] = []
    last().onclose?.({ code: 1006 })
    for (let i = 0; i < 8; i++) {
      const state = socket.state
      if (state.kind !== 'reconnecting' && state.kind !== 'offline') throw new Error(state.kind)
      waits.push(state.retryAt - Date.now())
      vi.advanceTimersByTime(state.retryAt - Date.now())
      last().onclose?.({ code: 1006 })
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16000, 30000, 30000])
    expect(states.at(-1)).toBe('offline')
    expect(Date.now()).toBeGreaterThan(1_000_000 + OFFLINE_AFTER_MS)
    socket.retryNow()
    last().ready(2)
    expect(socket.state.kind).toBe('live')
  })

  it('gives a silent connection up after 15 s', () => {
    const { socket, last } = setup()
    socket.start()
    last().ready(1)
    const wire = last()
    vi.advanceTimersByTime(PING_EVERY_MS)
    expect(wire.sent.at(-1)).toEqual({ type: 'ping' })
    wire.push({ type: 'pong' })
    vi.advanceTimersByTime(PING_EVERY_MS)
    expect(socket.state.kind).toBe('live')
    vi.advanceTimersByTime(DEAD_AFTER_MS)
    expect(wire.closed).toBe(true)
    expect(socket.state.kind).toBe('reconnecting')
  })

  it('does not wait when the browser reports that the network went and came', () => {
    const { socket, wires, last } = setup()
    socket.start()
    last().ready(1)
    socket.networkLost()
    expect(socket.state.kind).toBe('reconnecting')
    socket.retryNow()
    expect(wires).toHaveLength(2)
  })

  it('renews an expired session and resumes', async () => {
    const { socket, wires, last, renew, seen } = setup()
    socket.start()
    last().ready(9)
    last().onclose?.({ code: 4401 })
    await vi.advanceTimersByTimeAsync(0)
    expect(renew).toHaveBeenCalledOnce()
    expect(wires).toHaveLength(2)
    last().onopen?.()
    expect(last().sent[0]).toEqual({ type: 'hello', resume: 9 })
    // Refused again although renewed: it waits instead of spinning.
    last().onclose?.({ code: 4401 })
    await vi.advanceTimersByTimeAsync(0)
    expect(wires).toHaveLength(2)
    expect(seen.ended).toBe(0)
  })

  it('tells when the session is over', async () => {
    const { socket, last, renew, seen } = setup()
    renew.mockResolvedValue(false)
    socket.start()
    last().onclose?.({ code: 4401 })
    await vi.advanceTimersByTimeAsync(0)
    expect(seen.ended).toBe(1)
  })

  it('begins a watched topic where its watcher is, and says when it tells nothing', () => {
    const { socket, last } = setup()
    let next = 4
    const told: boolean[] = []
    const taken: string[] = []
    const watcher = {
      from: () => next,
      take: (frame: { type: string }) => {
        taken.push(frame.type)
      },
      tells: (does: boolean) => {
        told.push(does)
      },
    }
    const leave = socket.watch('command:a', watcher)
    socket.start()
    last().ready(1)
    expect(last().sent.at(-1)).toEqual({
      type: 'subscribe',
      topics: ['command:a'],
      from: { 'command:a': 4 },
    })
    expect(socket.tells('command:a')).toBe(false)
    last().push({ type: 'subscribed', topics: ['command:a'], refused: [] })
    last().push({ type: 'output', topic: 'command:a', pieces: [], next: 9 })
    last().push({ type: 'output', topic: 'command:b', pieces: [], next: 9 })
    expect([taken, told, socket.tells('command:a')]).toEqual([['output'], [true], true])
    next = 9
    last().onclose?.({ code: 1006 })
    expect([told, socket.tells('command:a')]).toEqual([[true, false], false])
    vi.advanceTimersByTime(500)
    last().ready(2)
    expect(last().sent.at(-1)).toMatchObject({ from: { 'command:a': 9 } })
    last().push({
      type: 'subscribed',
      topics: [],
      refused: [{ topic: 'command:a', code: 'CO1905' }],
    })
    expect(told).toEqual([true, false, false])
    leave()
    expect(last().sent.at(-1)).toEqual({ type: 'unsubscribe', topics: ['command:a'] })
  })

  it('gives a second watcher the beginning too', () => {
    const { socket, last } = setup()
    const watcher = (from: number) => ({ from: () => from, take: () => {}, tells: () => {} })
    socket.start()
    last().ready(1)
    const first = socket.watch('command:a', watcher(7))
    const second = socket.watch('command:a', watcher(2))
    expect(last().sent.slice(1)).toEqual([
      { type: 'subscribe', topics: ['command:a'], from: { 'command:a': 7 } },
      { type: 'unsubscribe', topics: ['command:a'] },
      { type: 'subscribe', topics: ['command:a'], from: { 'command:a': 2 } },
    ])
    first()
    expect(last().sent).toHaveLength(4)
    second()
    expect(last().sent).toHaveLength(5)
  })

  it('ignores frames it does not know and late ones of an old socket', () => {
    const { socket, last, seen } = setup()
    socket.start()
    last().ready(1)
    const old = last()
    const handler = old.onmessage
    last().push('not json')
    last().push({ type: 'surprise' })
    last().push({ type: 'batch', seq: 2, items: [{ k: 'row' }] })
    last().onclose?.({ code: 1006 })
    handler?.({ data: JSON.stringify({ type: 'batch', seq: 3, items: [{ k: 'row' }] }) })
    expect(seen.items).toHaveLength(1)
  })

  it('stops for good and forgets its position', () => {
    const { socket, wires, last } = setup()
    socket.start()
    last().ready(7)
    socket.stop()
    vi.advanceTimersByTime(60_000)
    expect(wires).toHaveLength(1)
    socket.start()
    last().onopen?.()
    expect(last().sent[0]).toEqual({ type: 'hello' })
  })
})
