import { expect, it } from 'vitest'
import { type Past, pastOf, walk } from './past'

it('walks to older lines and back to what was typed', () => {
  let past: Past = pastOf(['c', 'b', 'b', '', 'a'])
  expect(past.lines).toEqual(['c', 'b', 'a'])
  let text = 'draft'
  const seen: string[] = []
  for (const way of [1, 1, 1, 1, -1, -1, -1, -1] as const) {
    const step = walk(past, way, text)
    if (step) {
      past = step.past
      text = step.text
    }
    seen.push(step ? text : 'stay')
  }
  expect(seen).toEqual(['c', 'b', 'a', 'stay', 'b', 'c', 'draft', 'stay'])
})
