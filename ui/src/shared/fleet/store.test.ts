import { describe, expect, it } from 'vitest'
import type { RowMetrics, Server } from '../api/model'
import { staleAfter, statusAt } from './status'
import { FleetStore, toRow } from './store'

const metrics = (seq: number, cpu: number): RowMetrics => ({
  ts: '2026-01-01T00:00:00.000Z',
  seq,
  cpu,
  load1: 0,
  mem: 10,
  mem_total: 1024,
  swap: 0,
  disk: 1,
  rx: 0,
  tx: 0,
  temp_max: null,
  uptime_s: 5,
  processes: 3,
})

const server = (id: string, latest: RowMetrics | null = null): Server => ({
  id,
  name: id,
  tags: [],
  owner: { id: 'u', username: 'ann' },
  status: latest ? 'online' : 'never',
  last_seen: latest?.ts ?? null,
  connected_since: null,
  presence_at: null,
  created_at: '2026-01-01T00:00:00.000Z',
  interval_ms: 5_000,
  needs_approval: false,
  agent: null,
  latest,
})

function setup() {
  const pending: (() => void)[] = []
  let now = Date.parse('2026-01-01T00:00:00.000Z')
  const store = new FleetStore({ now: () => now, schedule: (flush) => pending.push(flush) })
  return {
    store,
    pending,
    flush: () => {
      for (const run of pending.splice(0)) run()
    },
    advance: (ms: number) => {
      now += ms
    },
    now: () => now,
    row: (id: string) => {
      const row = store.snapshot().byId.get(id)
      if (!row) throw new Error(`no ${id}`)
      return row
    },
  }
}

describe('FleetStore', () => {
  it('gathers many changes into one snapshot and keeps untouched rows', () => {
    const { store, flush, pending, row } = setup()
    store.replace([server('a', metrics(1, 5)), server('b', metrics(2, 6))])
    const untouched = row('b')
    store.apply([{ k: 'row', server: 'a', seq: 3, row: metrics(3, 7) }])
    store.apply([{ k: 'row', server: 'a', seq: 4, row: metrics(4, 8) }])
    expect(pending).toHaveLength(1)
    expect(row('a').server.latest?.cpu).toBe(5)
    flush()
    expect(row('a').server.latest?.cpu).toBe(8)
    expect(row('b')).toBe(untouched)
  })

  it('never goes back to older figures', () => {
    const { store, flush, row } = setup()
    store.replace([server('a', metrics(10, 50))])
    store.apply([{ k: 'row', server: 'a', seq: 9, row: metrics(9, 1) }])
    flush()
    expect(row('a').server.latest?.cpu).toBe(50)
    store.apply([{ k: 'row', server: 'a', seq: 11, row: metrics(11, 60) }])
    store.replace([server('a', metrics(10, 50))])
    expect(row('a').server.latest?.cpu).toBe(60)
  })

  it('follows presence, renames, new and deleted servers', () => {
    const { store, flush, row } = setup()
    store.replace([server('a', metrics(1, 5)), server('b')])
    store.apply([
      { k: 'presence', server: 'a', status: 'offline', at: '2026-01-01T00:00:09Z' },
      { k: 'server', op: 'registered', server: server('c') },
      { k: 'server', op: 'updated', server: { ...server('a'), name: 'renamed' } },
      { k: 'server', op: 'deleted', server: 'b' },
    ])
    flush()
    expect(row('a').server).toMatchObject({ name: 'renamed', status: 'offline' })
    expect(row('a').server.latest?.cpu).toBe(5)
    expect([...store.snapshot().byId.keys()]).toEqual(['a', 'c'])
  })

  it('keeps the news of the socket when an older answer comes after it', () => {
    const { store, flush, row } = setup()
    const before: Server = {
      ...server('a', metrics(4, 5)),
      connected_since: '2026-01-01T00:00:01Z',
      presence_at: '2026-01-01T00:00:01Z',
    }
    store.replace([before])
    store.apply([{ k: 'presence', server: 'a', status: 'offline', at: '2026-01-01T00:00:09Z' }])
    // Read before the tables had the disconnect.
    store.put(before)
    store.replace([before])
    store.apply([{ k: 'server', op: 'updated', server: before }])
    flush()
    expect(row('a').server).toMatchObject({ status: 'offline', connected_since: null })
    const back = '2026-01-01T00:00:12Z'
    store.put({ ...before, connected_since: back, presence_at: back })
    expect(row('a').server).toMatchObject({ status: 'online', connected_since: back })
  })

  it('does not take the last reading of an agent that is gone for its return', () => {
    const { store, flush, row } = setup()
    store.replace([server('a', metrics(1, 5))])
    store.apply([
      { k: 'presence', server: 'a', status: 'offline', at: '2026-01-01T00:00:09Z' },
      { k: 'row', server: 'a', seq: 2, row: metrics(2, 6) },
    ])
    flush()
    expect(row('a').server).toMatchObject({ status: 'offline', latest: { cpu: 6 } })
    store.apply([{ k: 'presence', server: 'a', status: 'online', at: '2026-01-01T00:00:10Z' }])
    // Told again after a lost connection: older than what is known.
    store.apply([{ k: 'presence', server: 'a', status: 'offline', at: '2026-01-01T00:00:09Z' }])
    flush()
    expect(row('a').server.status).toBe('online')
  })

  it('shows how many alerts are open on a server, and keeps that with new figures', () => {
    const { store, flush, row } = setup()
    store.replace([server('a', metrics(1, 5))])
    const open = { open: 3, unacknowledged: 1, critical: 2, warning: 1, info: 0 }
    const news = { k: 'alert', op: 'raised', alert: 'x', rule: 'r', open } as const
    store.apply([
      { ...news, server: 'a' },
      { ...news, server: 'nobody knows' },
    ])
    store.apply([{ k: 'row', server: 'a', seq: 2, row: metrics(2, 7) }])
    flush()
    expect(row('a').server).toMatchObject({ alerts: open, latest: { cpu: 7 } })
    expect(store.snapshot().rows).toHaveLength(1)
  })

  it('calls a server stale after three missed readings, even while "online"', () => {
    const { store, flush, row, advance, now } = setup()
    store.replace([server('a', metrics(1, 5))])
    store.apply([{ k: 'row', server: 'a', seq: 2, row: metrics(2, 5) }])
    flush()
    expect(statusAt(row('a'), now())).toBe('online')
    advance(staleAfter(5_000))
    expect(statusAt(row('a'), now())).toBe('online')
    advance(1)
    expect(statusAt(row('a'), now())).toBe('stale')
  })

  it('does not call a server stale that has only just connected', () => {
    const fresh = toRow({
      ...server('a'),
      status: 'online',
      connected_since: '2026-01-01T00:00:00Z',
    })
    expect(statusAt(fresh, Date.parse('2026-01-01T00:00:03Z'))).toBe('online')
    expect(statusAt(fresh, Date.parse('2026-01-01T00:01:00Z'))).toBe('stale')
  })
})
