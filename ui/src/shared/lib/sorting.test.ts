import { expect, it } from 'vitest'
import { parseSorting, sortingText } from './sorting'

const USUAL = { column: 'cpu', descending: true } as const
const parse = (text?: string) => parseSorting(text, ['cpu', 'mem', 'pid'], USUAL)

it('keeps the order in the address', () => {
  expect(parse('-mem')).toEqual({ column: 'mem', descending: true })
  expect(parse('pid')).toEqual({ column: 'pid', descending: false })
  expect(parse('-nonsense')).toEqual(USUAL)
  expect(parse(undefined)).toEqual(USUAL)
  expect(sortingText(parse('-mem'), USUAL)).toBe('-mem')
  expect(sortingText(USUAL, USUAL)).toBeUndefined()
})
