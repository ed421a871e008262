import { describe, expect, it } from 'vitest'
import { nearest, stack, summarize, toCsv } from './data'

describe('chart data', () => {
  it('stacks what is shown and keeps gaps', () => {
    const lines = [
      [1, 2, null, null],
      [10, null, 5, null],
      [100, 100, 100, null],
    ]
    expect(stack(lines, [true, true, true])).toEqual([
      [1, 2, null, null],
      [11, 2, 5, null],
      [111, 102, 105, null],
    ])
    expect(stack(lines, [true, false, true])[2]).toEqual([101, 102, 100, null])
  })

  it('summarises only the window and uses the extremes of buckets', () => {
    const line = { value: [1, 5, null, 3], min: [0, 2, null, 3], max: [1, 9, null, 4] }
    expect(summarize(line, [10, 20, 30, 40], 15, 45)).toEqual({ last: 3, min: 2, max: 9, avg: 4 })
    expect(summarize(line, [10, 20, 30, 40], 90, 99)).toEqual({
      last: null,
      min: null,
      max: null,
      avg: null,
    })
  })

  it('finds the nearest reading', () => {
    const t = [10, 20, 40]
    expect([0, 14, 16, 29, 31, 99].map((time) => nearest(t, time))).toEqual([0, 0, 1, 1, 2, 2])
    expect(nearest([], 5)).toBe(-1)
    expect(nearest([7], 5)).toBe(0)
  })

  it('writes CSV with empty cells for gaps', () => {
    const csv = toCsv(
      { t: [0, 1000], lines: [{ value: [1, null], max: [2, null] }, { value: [null, 3] }] },
      ['a,b', 'c'],
    )
    expect(csv).toBe(
      'time,"a,b","a,b max",c\r\n1970-01-01T00:00:00.000Z,1,2,\r\n1970-01-01T00:00:01.000Z,,,3\r\n',
    )
  })
})
