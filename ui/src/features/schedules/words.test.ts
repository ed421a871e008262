import { expect, it } from 'vitest'
import { missedText, whereText } from './words'

it('names servers, and counts those that are too many', () => {
  const nameOf = (id: string) => id.toUpperCase()
  expect(whereText({ targets: { servers: ['a', 'b'] } }, nameOf)).toBe('A, B')
  expect(whereText({ targets: { servers: ['a', 'b', 'c', 'd', 'e'] } }, nameOf)).toBe(
    'A, B, C and 2 more',
  )
  expect(whereText({ targets: { tag: 'prod' } }, nameOf)).toBe('all with the label prod')
})

it('says what becomes of missed runs', () => {
  expect(missedText({ missed: 'run_all', missed_max: 3 })).toContain('at most 3')
  expect(missedText({ missed: 'skip', missed_max: null })).toBe('left out')
})
