import { expect, it } from 'vitest'
import { existing, extended, NOTHING, toggled } from './selection'

const order = ['a', 'b', 'c', 'd', 'e']

it('chooses single rows and ranges in both directions, keeping what was chosen before', () => {
  const one = toggled(NOTHING, 'd')
  expect([...one.ids]).toEqual(['d'])
  const up = extended(one, order, 'b')
  expect([...up.ids].sort()).toEqual(['b', 'c', 'd'])
  expect(up.anchor).toBe('d')
  const down = extended(up, order, 'e')
  expect([...down.ids].sort()).toEqual(['b', 'c', 'd', 'e'])
  expect([...toggled(down, 'c').ids].sort()).toEqual(['b', 'd', 'e'])
})

it('begins a range at the row itself when the anchor is not in sight', () => {
  const hidden = { ids: new Set(['z']), anchor: 'z' }
  expect(extended(hidden, order, 'c')).toEqual({ ids: new Set(['z', 'c']), anchor: 'c' })
  expect(extended(hidden, order, 'nowhere')).toEqual(hidden)
})

it('forgets servers that are gone', () => {
  const all = { ids: new Set(['a', 'b']), anchor: 'b' }
  expect(existing(all, () => true)).toBe(all)
  expect(existing(all, (id) => id !== 'b')).toEqual({ ids: new Set(['a']), anchor: null })
})
