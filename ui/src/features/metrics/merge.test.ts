import { describe, expect, it } from 'vitest'
import type { History } from '@/shared/api/model'
import { Ring } from '@/shared/metrics/ring'
import { isSummedUp, merge, resolutionText } from './merge'

const history = (over: Partial<History>): History => ({
  from: '',
  to: '',
  resolution: 'raw',
  step_ms: 5_000,
  retention_from: '',
  t: [0, 5_000, 10_000],
  series: [{ name: 'cpu', unit: 'percent', min: [1, 2, 3], avg: [1, 2, 3], max: [1, 2, 9] }],
  ...over,
})

const ringOf = (points: [number, Record<string, number | null>][]) => {
  const ring = new Ring(100)
  for (const [time, values] of points) ring.push(time, new Map(Object.entries(values)))
  return ring
}

const all = { from: 0, to: 1e9 }
const cpu = [{ inputs: ['cpu'] }]

describe('merge', () => {
  it('continues history with what came live, without doubles', () => {
    const ring = ringOf([
      [10_000, { cpu: 99 }],
      [15_000, { cpu: 4 }],
    ])
    const data = merge(history({}), ring, cpu, all, 5_000)
    expect(data.t).toEqual([0, 5_000, 10_000, 15_000])
    expect(data.lines[0]?.value).toEqual([1, 2, 3, 4])
    expect(data.lines[0]?.max).toEqual([1, 2, 9, 4])
  })

  it('breaks the line where readings are missing, inside and between both', () => {
    const ring = ringOf([
      [60_000, { cpu: 4 }],
      [65_000, { cpu: 5 }],
      [120_000, { cpu: 6 }],
    ])
    const data = merge(history({}), ring, cpu, all, 5_000)
    expect(data.t).toEqual([0, 5_000, 10_000, 15_000, 60_000, 65_000, 70_000, 120_000])
    expect(data.lines[0]?.value).toEqual([1, 2, 3, null, 4, 5, null, 6])
  })

  it('does not break the line for one late reading', () => {
    const ring = ringOf([
      [0, { cpu: 1 }],
      [12_000, { cpu: 2 }],
    ])
    expect(merge(null, ring, cpu, all, 5_000).lines[0]?.value).toEqual([1, 2])
  })

  it('keeps gaps that the API reports', () => {
    const data = merge(
      history({
        series: [
          { name: 'cpu', unit: 'percent', min: [1, null, 3], avg: [1, null, 3], max: [1, null, 3] },
        ],
      }),
      ringOf([]),
      cpu,
      all,
      5_000,
    )
    expect(data.lines[0]?.value).toEqual([1, null, 3])
  })

  it('computes lines from several series', () => {
    const ring = ringOf([[0, { used: 1, free: 3 }]])
    const data = merge(
      null,
      ring,
      [
        {
          inputs: ['used', 'free'],
          compute: ([used, free]) => (used && free ? (100 * used) / (used + free) : null),
        },
      ],
      all,
      5_000,
    )
    expect(data.lines[0]).toEqual({ value: [25] })
  })

  it('cuts to the window but keeps one reading beyond each edge', () => {
    const ring = ringOf([0, 1, 2, 3, 4, 5].map((i) => [i * 5_000, { cpu: i }]))
    const data = merge(null, ring, cpu, { from: 7_000, to: 17_000 }, 5_000)
    expect(data.t).toEqual([5_000, 10_000, 15_000, 20_000])
  })

  it('gives nothing known for series nobody has', () => {
    const data = merge(history({}), ringOf([]), [{ inputs: ['temp_max'] }], all, 5_000)
    expect(data.lines[0]?.value).toEqual([null, null, null])
  })

  it('says what one point stands for', () => {
    const text = (over: Partial<History>) => resolutionText(history(over), 5_000)
    expect(text({})).toBe('Every reading, 5 s apart')
    expect(text({ step_ms: 0 })).toBe('Every reading, 5 s apart')
    expect(text({ step_ms: 10_000 })).toBe('10 s averages')
    expect(text({ resolution: '1m', step_ms: 60_000 })).toBe('1 min averages')
    expect(text({ resolution: '1m', step_ms: 120_000 })).toBe('2 min averages')
    expect(text({ resolution: '1h', step_ms: 5_400_000 })).toBe('1.5 h averages')
    expect(isSummedUp(history({}), 5_000)).toBe(false)
    expect(isSummedUp(history({ step_ms: 10_000 }), 5_000)).toBe(true)
  })
})
