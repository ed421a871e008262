import { expect, it } from 'vitest'
import { strokes } from './spark'

it('draws a gap as a gap and the highest value at the top', () => {
  expect(strokes([0, 4, null, 2, 2])).toBe('M0.0 15.0L14.0 1.0M42.0 8.0L56.0 8.0')
  expect(strokes([null, null])).toBe('')
  expect(strokes([0, 0])).toBe('M0.0 15.0L56.0 15.0')
})
