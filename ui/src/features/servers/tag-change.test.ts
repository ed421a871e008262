import { expect, it } from 'vitest'
import { reversed, tagsAfter, targetsOf } from './tag-change'

const server = (id: string, tags: string[]) => ({ id, name: id, tags }) as never

it('adds what is missing, removes what is there, and leaves the rest in its order', () => {
  expect(tagsAfter(['b', 'a'], { add: ['c'], remove: ['a'] })).toEqual(['b', 'c'])
  expect(tagsAfter(['a'], { add: ['a'], remove: ['z'] })).toBeNull()
  expect(tagsAfter([], { add: ['a'], remove: ['a'] })).toEqual(['a'])
})

it('names only servers that change, and the way back', () => {
  const targets = targetsOf([server('x', ['old']), server('y', ['new'])], {
    add: ['new'],
    remove: ['old'],
  })
  expect(targets).toEqual([{ id: 'x', name: 'x', before: ['old'], after: ['new'] }])
  expect(reversed(targets)).toEqual([{ id: 'x', name: 'x', before: ['new'], after: ['old'] }])
})
