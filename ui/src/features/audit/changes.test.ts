import { expect, it } from 'vitest'
import { changesOf } from './changes'

it('puts what changed first and shows what was not there', () => {
  expect(
    changesOf({ name: 'web', tags: ['a'] }, { name: 'web', tags: ['a', 'b'], role: null }),
  ).toEqual([
    { field: 'tags', before: '["a"]', after: '["a","b"]', changed: true },
    { field: 'name', before: 'web', after: 'web', changed: false },
    { field: 'role', before: '–', after: '–', changed: false },
  ])
})

it('takes a beginning and an end for what they are', () => {
  expect(changesOf(null, { name: 'web' })).toEqual([
    { field: 'name', before: '–', after: 'web', changed: true },
  ])
  expect(changesOf(null, null)).toEqual([])
})
