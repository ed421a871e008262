import { expect, it } from 'vitest'
import { nextPath } from './next-path'

it.each([
  [undefined, '/servers'],
  ['/servers/x?range=1h', '/servers/x?range=1h'],
  ['//evil.example', '/servers'],
  ['/\\evil.example', '/servers'],
  ['https://evil.example', '/servers'],
  ['javascript:alert(1)', '/servers'],
  ['/login?next=/login', '/servers'],
])('%s → %s', (next, expected) => {
  expect(nextPath(next)).toBe(expected)
})
