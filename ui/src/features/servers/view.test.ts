import { describe, expect, it } from 'vitest'
import type { Server } from '@/shared/api/model'
import { parseQuery } from '@/shared/fleet/query-text'
import { toRow } from '@/shared/fleet/store'
import { COLUMNS, columnsFor, DEFAULT_COLUMNS, fitting } from './columns'
import {
  countStatuses,
  facetCounts,
  filterRows,
  parseSort,
  rankByName,
  sortRows,
  sortText,
} from './view'

const AT = '2026-01-01T00:00:00.000Z'
const NOW = Date.parse(AT) + 1_000

function row(name: string, cpu: number | null, over: Partial<Server> = {}) {
  return toRow({
    id: name,
    name,
    tags: [],
    owner: { id: 'u', username: 'ann' },
    status: cpu === null ? 'never' : 'online',
    last_seen: cpu === null ? null : AT,
    connected_since: null,
    presence_at: null,
    created_at: AT,
    interval_ms: 5_000,
    needs_approval: false,
    agent: null,
    latest:
      cpu === null
        ? null
        : {
            ts: AT,
            seq: 1,
            cpu,
            load1: 1,
            mem: 1,
            mem_total: 1,
            swap: 0,
            disk: 1,
            rx: 1,
            tx: 1,
            temp_max: null,
            uptime_s: 1,
            processes: 1,
          },
    ...over,
  })
}

const names = (rows: { row: { server: Server } }[]) => rows.map((entry) => entry.row.server.name)

describe('servers view', () => {
  const rows = [
    row('web-10', 5),
    row('web-2', 50, { tags: ['prod'] }),
    row('db', null),
    row('Api', 50),
  ]
  const rank = rankByName(rows)
  const all = filterRows(rows, [], NOW)

  it('sorts names as people count', () => {
    expect(names(sortRows(all, parseSort(undefined), rank))).toEqual([
      'Api',
      'db',
      'web-2',
      'web-10',
    ])
    expect(names(sortRows(all, parseSort('-name'), rank))).toEqual(['web-10', 'web-2', 'db', 'Api'])
  })

  it('keeps unknown figures last and breaks ties by name', () => {
    expect(names(sortRows(all, parseSort('-cpu'), rank))).toEqual(['Api', 'web-2', 'web-10', 'db'])
    expect(names(sortRows(all, parseSort('cpu'), rank))).toEqual(['web-10', 'Api', 'web-2', 'db'])
  })

  it('puts the worst status first', () => {
    const mixed = filterRows(
      [row('a', 1), row('b', 1, { status: 'offline' }), row('c', null)],
      [],
      NOW,
    )
    expect(
      names(sortRows(mixed, parseSort('status'), rankByName(mixed.map((v) => v.row)))),
    ).toEqual(['b', 'a', 'c'])
    expect(countStatuses(mixed)).toEqual({ online: 1, stale: 0, offline: 1, never: 1 })
  })

  it('filters by the text', () => {
    expect(names(filterRows(rows, parseQuery('tag:prod cpu>10').terms, NOW))).toEqual(['web-2'])
  })

  it('counts facets', () => {
    expect(
      facetCounts(
        filterRows([row('a', 1, { tags: ['x', 'y'] }), row('b', 1, { tags: ['y'] })], [], NOW),
        'tag',
      ),
    ).toEqual([
      ['y', 2],
      ['x', 1],
    ])
  })

  it('reads and writes the sort of the URL', () => {
    expect(sortText(parseSort('-mem'))).toBe('-mem')
    expect(sortText(parseSort('nonsense'))).toBeUndefined()
  })

  it('filters and sorts 10,000 rows well within a frame or two', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => row(`srv-${i}`, (i * 37) % 100))
    const ranks = rankByName(many)
    const began = performance.now()
    const found = sortRows(
      filterRows(many, parseQuery('srv cpu>10').terms, NOW),
      parseSort('-cpu'),
      ranks,
    )
    // No timing is asserted tightly: the machine may be busy. This catches a quadratic slip.
    expect(performance.now() - began).toBeLessThan(1_000)
    expect(found).toHaveLength(8_900)
  })

  it('leaves out unimportant columns where there is no room, never the name', () => {
    const columns = columnsFor(DEFAULT_COLUMNS)
    expect(fitting(columns, 5_000, 12)).toHaveLength(columns.length)
    const few = fitting(columns, 420, 12).map((column) => column.id)
    expect(few).toEqual(['status', 'name', 'cpu'])
    expect(columnsFor(['cpu', 'nonsense']).map((column) => column.id)).toEqual(['name', 'cpu'])
    expect(new Set(COLUMNS.map((column) => column.weight)).size).toBe(COLUMNS.length)
  })
})
