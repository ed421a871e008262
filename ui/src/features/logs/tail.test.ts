import { describe, expect, it, vi } from 'vitest'
import { Tail, type TailSocket } from './tail'

class FakeSocket implements TailSocket {
  sent: Record<string, unknown>[] = []
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
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
}

function ground(renewed = true, behind: number | null = null) {
  const sockets: FakeSocket[] = []
  const timers: (() => void)[] = []
  const events = { lines: vi.fn(), gap: vi.fn(), state: vi.fn(), wrong: vi.fn() }
  const tail = new Tail(
    { levels: ['warn'], sources: [], text: 'full', pattern: null },
    behind,
    events,
    {
      open: () => {
        const socket = new FakeSocket()
        sockets.push(socket)
        return socket
      },
      random: () => 0,
      setTimer: (run) => timers.push(run),
      clearTimer: () => undefined,
      renewSession: async () => renewed,
    },
  )
  const socket = () => sockets[sockets.length - 1] as FakeSocket
  return { tail, socket, sockets, timers, events }
}

describe('a tail', () => {
  it('says what it wants and goes on behind the last line after a break', async () => {
    const { socket, sockets, timers, events } = ground()
    socket().onopen?.()
    expect(socket().sent[0]).toEqual({
      type: 'auth',
      levels: ['warn'],
      sources: [],
      text: 'full',
      pattern: null,
    })
    socket().push({ type: 'auth_success', position: 7 })
    socket().push({ type: 'lines', position: 9, lines: [{ id: 'a' }], dropped: [{ lines: 3 }] })
    expect(events.lines).toHaveBeenCalledWith([{ id: 'a' }], 3)
    socket().onclose?.({ code: 1006 })
    await vi.waitFor(() => expect(events.state).toHaveBeenLastCalledWith('reconnecting'))
    timers[timers.length - 1]?.()
    expect(sockets.length).toBe(2)
    socket().onopen?.()
    expect(socket().sent[0]).toMatchObject({ resume: 9 })
    // The greeting repeats where the client is, or is further: what comes counts.
    socket().push({ type: 'auth_success', position: 9 })
    socket().push({ type: 'gap', from: 10, to: 20 })
    expect(events.gap).toHaveBeenCalledExactlyOnceWith(20)
  })

  it('begins behind what a search has found, and is not yet a reconnection then', () => {
    const { socket, events } = ground(true, 5)
    expect(events.state).toHaveBeenLastCalledWith('connecting')
    socket().onopen?.()
    expect(socket().sent[0]).toMatchObject({ resume: 5 })
  })

  it('renews a session that has ended, and stays away when that is over', async () => {
    const over = ground(false)
    over.socket().onclose?.({ code: 4401 })
    await Promise.resolve()
    expect(over.sockets.length).toBe(1)
    const renewed = ground()
    renewed.socket().onclose?.({ code: 4401 })
    await vi.waitFor(() => expect(renewed.timers.length).toBe(1))
  })

  it('gives up when the server may not be seen, and when it is stopped', () => {
    const { socket, timers, events } = ground()
    socket().onclose?.({ code: 4403 })
    expect(events.state).toHaveBeenLastCalledWith('refused')
    expect(timers.length).toBe(0)
    const other = ground()
    other.tail.stop()
    expect(other.socket().closed).toBe(true)
  })

  it('ends when what it asks for cannot be followed, and says why', () => {
    const { socket, timers, events } = ground()
    const first = socket()
    first.push({ type: 'error', code: 'CO1101', field: 'pattern', message: 'is too large' })
    expect(events.state).toHaveBeenLastCalledWith('wrong')
    expect(events.wrong).toHaveBeenCalledExactlyOnceWith('is too large')
    expect(first.closed).toBe(true)
    first.onclose?.({ code: 4400 })
    expect(timers.length).toBe(0)
  })

  it('ignores what is no frame', () => {
    const { socket, events } = ground()
    socket().onmessage?.({ data: 'not json' })
    socket().onmessage?.({ data: new ArrayBuffer(1) })
    socket().push([1])
    expect(events.lines).not.toHaveBeenCalled()
  })
})
