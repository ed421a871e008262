import { expect, it } from 'vitest'
import type { HostUnit } from '@/shared/api/model'
import { arrangeUnits, DEFAULT_UNIT_SORT, unitTone } from './unit-list'

const unit = (name: string, active: string, sub: string, description = ''): HostUnit => ({
  name,
  description,
  load: 'loaded',
  active,
  sub,
})
const UNITS = [
  unit('ssh.service', 'active', 'running', 'OpenSSH'),
  unit('nginx.service', 'failed', 'failed', 'A web server'),
  unit('apt.timer', 'active', 'waiting'),
  unit('db.service', 'activating', 'auto-restart', 'web database'),
  unit('old.service', 'inactive', 'dead'),
]
const names = (filter: Parameters<typeof arrangeUnits>[1], sort = DEFAULT_UNIT_SORT) =>
  arrangeUnits(UNITS, filter, sort).rows.map((row) => row.name)

it('filters by words, kind and state, and counts the states of what fits', () => {
  expect(names({ q: 'web' })).toEqual(['db.service', 'nginx.service'])
  expect(names({ kind: 'timer' })).toEqual(['apt.timer'])
  expect(names({ state: 'failed' })).toEqual(['nginx.service'])
  const { counts } = arrangeUnits(UNITS, { kind: 'service', state: 'failed' }, DEFAULT_UNIT_SORT)
  expect(counts).toEqual({ failed: 1, active: 2, inactive: 1 })
})

it('puts the worst first', () => {
  expect(names({}, { column: 'state', descending: false })).toEqual([
    'nginx.service',
    'db.service',
    'apt.timer',
    'ssh.service',
    'old.service',
  ])
  expect(UNITS.map(unitTone)).toEqual(['ok', 'bad', 'ok', 'warn', 'off'])
})
