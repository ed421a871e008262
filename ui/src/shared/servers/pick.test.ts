import { expect, it } from 'vitest'
import type { Server } from '../api/model'
import { toRow } from '../fleet/store'
import { labelsOf, offer, toggled, withAll } from './pick'

const row = (id: string, name: string, tags: string[] = []) =>
  toRow({
    id,
    name,
    tags,
    owner: { id: 'u', username: 'ann' },
    status: 'offline',
    last_seen: null,
    connected_since: null,
    created_at: '2026-01-01T00:00:00Z',
    interval_ms: 5_000,
    needs_approval: false,
    agent: null,
    latest: null,
  } as Server)

const rows = [
  row('1', 'web-10', ['prod']),
  row('2', 'web-9', ['prod', 'eu']),
  row('3', 'db-1', ['eu', 'prod']),
]

const names = (text: string) => offer(rows, text, 0).matching.map(({ server }) => server.name)

it('offers what matches a name, a label or a state, in the order of names', () => {
  expect(names('')).toEqual(['db-1', 'web-9', 'web-10'])
  expect(names('web')).toEqual(['web-9', 'web-10'])
  expect(names('tag:eu')).toEqual(['db-1', 'web-9'])
  expect(names('web -tag:eu')).toEqual(['web-10'])
  expect(names('status:online')).toEqual([])
})

it('says what it did not understand', () => {
  expect(offer(rows, 'colour:red', 0).problems).toHaveLength(1)
  expect(offer(rows, 'web', 0).problems).toHaveLength(0)
})

it('adds all that match once, and takes one back', () => {
  expect(withAll(['2'], offer(rows, 'tag:prod', 0).matching)).toEqual(['2', '3', '1'])
  expect(toggled(['1', '2'], '1')).toEqual(['2'])
  expect(toggled(['1'], '3')).toEqual(['1', '3'])
})

it('counts labels, most used first', () => {
  expect(labelsOf(rows)).toEqual([
    { name: 'prod', servers: 3 },
    { name: 'eu', servers: 2 },
  ])
})
