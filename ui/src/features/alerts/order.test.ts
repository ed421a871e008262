import { expect, it } from 'vitest'
import type { Severity } from '@/shared/alerts/severity'
import { held, worstFirst } from './order'

const alert = (id: string, severity: Severity, minute: number, acknowledged = false) => ({
  id,
  severity,
  raised_at: new Date(minute * 60_000).toISOString(),
  acknowledged_at: acknowledged ? '2026-11-23T10:00:00Z' : null,
})
const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id).join('')

it('puts what nobody takes care of first, then the worst, then the newest', () => {
  const list = [
    alert('a', 'info', 9),
    alert('b', 'critical', 1, true),
    alert('c', 'warning', 2),
    alert('d', 'critical', 3),
    alert('e', 'critical', 5),
  ]
  expect(ids(worstFirst(list))).toBe('edcab')
  expect(ids(list)).toBe('abcde')
})

it('moves no row under the pointer: new ones wait, those that left are marked', () => {
  const base = [alert('a', 'critical', 1), alert('b', 'warning', 1), alert('c', 'info', 1)]
  const now = [alert('d', 'critical', 9), alert('c', 'info', 1), alert('a', 'critical', 1, true)]
  const { rows, waiting } = held(base, now)
  expect(rows.map(({ item, gone }) => [item.id, gone])).toEqual([
    ['a', false],
    ['b', true],
    ['c', false],
  ])
  expect(rows[0]?.item.acknowledged_at).not.toBeNull()
  expect(waiting).toBe(1)
})
