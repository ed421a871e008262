import { describe, expect, it } from 'vitest'
import { bandOf, type Curve, pathOf, scaleOf, xOf, yOf } from './drawing'

const frame = { width: 110, height: 70, left: 10, bottom: 10 }
const curve = (...values: (number | null)[]): Curve => ({
  label: 'cpu',
  points: values.map((value, index) => ({ at: index * 1_000, value })),
})

describe('a small chart', () => {
  it('shows the limit even when no value comes near it', () => {
    const scale = scaleOf('percent', [curve(1, 2, 3)], [90])
    expect(scale.low).toBe(0)
    expect(scale.high).toBeGreaterThan(90)
    expect(yOf(90, scale, frame)).toBeGreaterThan(0)
    expect(scaleOf('load', [curve(1)], [2.2]).high).toBe(2.5)
    expect(yOf(0, scale, frame)).toBe(60)
  })

  it('goes below zero only when something is there', () => {
    expect(scaleOf('percent', [curve(-5, 5)], []).low).toBeLessThan(-5)
    expect(scaleOf('percent', [curve(5, 6)], []).low).toBe(0)
  })

  it('has a scale even with nothing or with the same reading again', () => {
    const scale = scaleOf('percent', [curve(0)], [])
    expect(scale.to).toBeGreaterThan(scale.from)
    expect(scale.high).toBeGreaterThan(scale.low)
    expect(xOf(0, scale, frame)).toBe(10)
  })

  it('leaves gaps where readings are missing', () => {
    const path = pathOf(curve(1, null, 2, 3), scaleOf('percent', [curve(1, null, 2, 3)], []), frame)
    expect(path.match(/M/g)).toHaveLength(2)
    expect(path.match(/L/g)).toHaveLength(1)
  })

  it('cuts stretches at its edges and keeps them visible', () => {
    const scale = scaleOf('percent', [], [], { from: 0, to: 1_000 })
    expect(bandOf({ from: -500, to: 500 }, scale, frame)).toEqual({ x: 10, width: 50 })
    expect(bandOf({ from: 100, to: 100 }, scale, frame).width).toBe(2)
    expect(bandOf({ from: 5_000, to: 6_000 }, scale, frame).x).toBe(110)
  })
})
