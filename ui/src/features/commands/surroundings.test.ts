import { expect, it } from 'vitest'
import { parseTime, parseVariables, timeText } from './surroundings'

it('reads variables line by line', () => {
  expect(parseVariables('A=1\n\n B = x=y \r\nEMPTY=').env).toEqual({
    A: '1',
    B: ' x=y ',
    EMPTY: '',
  })
  expect(parseVariables('A=1\nnothing').problem).toBe('Line 2 is not NAME=value')
  expect(parseVariables('=x').problem).toMatch(/Line 1/)
  expect(parseVariables('a b=x').problem).toMatch(/no spaces/)
  expect(parseVariables('').env).toEqual({})
})

it('reads times and writes them back', () => {
  expect(['30', '30s', '5 min', '5m', '2h', '1.5 h'].map(parseTime)).toEqual([
    30, 30, 300, 300, 7_200, 5_400,
  ])
  expect(['', 'soon', '-1s', '0s', '25h', '1d', '10ms'].map(parseTime)).toEqual(Array(7).fill(null))
  expect([7_200, 90, 300, 1].map(timeText)).toEqual(['2 h', '90 s', '5 min', '1 s'])
})
