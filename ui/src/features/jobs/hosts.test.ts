import { expect, it } from 'vitest'
import type { JobHost } from '@/shared/api/model'
import { hasEnds, merged } from './hosts'

const host = (server: string, state: string, group: number | null = null): JobHost => ({
  server,
  state,
  group,
  name: server,
  command: server,
  exit_code: null,
  message: null,
  duration_ms: null,
  ended_at: null,
})

it('puts rows that moved in their places and keeps the others', () => {
  const before = {
    hosts: [host('a', 'finished', 0), host('b', 'running'), host('c', 'waiting')],
    groups: [],
    hidden: 1,
  }
  const now = merged(
    before,
    [host('b', 'finished'), host('a', 'finished'), host('d', 'waiting')],
    0,
  )
  expect(now.hosts.map(({ server, state, group }) => [server, state, group])).toEqual([
    ['a', 'finished', 0],
    ['b', 'finished', null],
    ['c', 'waiting', null],
    ['d', 'waiting', null],
  ])
  expect(now.hidden).toBe(0)
  expect(merged(undefined, [host('a', 'waiting')], 2).hosts).toHaveLength(1)
})

it('knows when outputs have to be loaded', () => {
  expect(hasEnds([host('a', 'finished', 0), host('b', 'running'), host('c', 'skipped')])).toBe(
    false,
  )
  expect(hasEnds([host('a', 'timed_out')])).toBe(true)
})
