import { expect, it } from 'vitest'
import { idsIn, targetsOf } from './targets'

it('says nothing for nothing, and each server once', () => {
  expect(targetsOf('tag', '  ')).toBeNull()
  expect(targetsOf('ids', 'a, b  a')).toEqual({ servers: ['a', 'b'] })
  expect(targetsOf('tag', ' prod ')).toEqual({ tag: 'prod' })
  expect(targetsOf('query', 'web')).toEqual({ query: 'web' })
})

it('reads no ids in nothing', () => {
  expect(idsIn(' ')).toEqual([])
  expect(idsIn('a  b')).toEqual(['a', 'b'])
})
