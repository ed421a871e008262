import { expect, it } from 'vitest'
import { searchWords } from './search-words'

it('takes the words that are known, and nothing else', () => {
  const check = searchWords('text', 'tag', 'new')
  expect(check({ text: 5, tag: '', new: true, other: 'x' })).toEqual({ text: '5', new: 'true' })
  expect(check({ text: null })).toEqual({})
})
