import { expect, it } from 'vitest'
import { findInCast, parseCast, withoutPauses } from './cast'

const TEXT = [
  '{"version":2,"width":100,"height":30}',
  '[0.5,"o","hel"]',
  '[0.6,"o","\\u001b[31mlo wor"]',
  '[20,"r","120x40"]',
  '[30.5,"o","ld\\r\\n"]',
  '',
].join('\n')

it('reads a recording', () => {
  const cast = parseCast(TEXT)
  expect([cast.cols, cast.rows, cast.length]).toEqual([100, 30, 30.5])
  expect(cast.events.map((event) => event.kind)).toEqual(['o', 'o', 'r', 'o'])
})

it('shortens pauses and keeps the order', () => {
  const cast = withoutPauses(parseCast(TEXT), 2)
  const times = cast.events.map((event) => Math.round(event.at * 10) / 10)
  expect(times).toEqual([0.5, 0.6, 2.6, 4.6])
  expect(cast.length).toBeCloseTo(4.6)
})

it('finds text across pieces and colours', () => {
  const cast = parseCast(TEXT)
  expect(findInCast(cast, 'Hello')).toEqual([0.6])
  expect(findInCast(cast, 'world')).toEqual([30.5])
  expect(findInCast(cast, 'nothing')).toEqual([])
  expect(findInCast(cast, '')).toEqual([])
})
