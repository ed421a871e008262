import { describe, expect, it } from 'vitest'
import { xLabels, yLabels, yRange } from './axis'

const MiB = 1024 ** 2

describe('axis', () => {
  it('starts at zero and never shows more than 100 % of a machine', () => {
    expect(yRange('percent', 60, 97)).toEqual([0, 100])
    expect(yRange('percent', 60, 100.2)).toEqual([0, 100])
    expect(yRange('percent', 0.1, 0.4)).toEqual([0, 5])
    expect(yRange('percent', 10, 31)).toEqual([0, 40])
    expect(yRange('percent', 10, 180)[1]).toBeGreaterThan(180)
  })

  it('rounds bytes to powers of two', () => {
    expect(yRange('bytes_per_s', 0, 900 * 1024)).toEqual([0, MiB])
    expect(yRange('bytes', 0, 100, 8 * 1024 * MiB)).toEqual([0, 8 * 1024 * MiB])
    expect(yLabels('bytes', [0, 512 * MiB, 1024 * MiB])).toEqual(['0', '512 MiB', '1 GiB'])
  })

  it('survives an empty chart', () => {
    expect(yRange('load', null, null)).toEqual([0, 1])
    expect(yRange('celsius', null, null)).toEqual([10, 70])
  })

  it('keeps labels short enough for the gutter', () => {
    for (const unit of [
      'percent',
      'bytes',
      'bytes_per_s',
      'load',
      'celsius',
      'ms',
      'count',
      'per_s',
    ] as const) {
      const large = unit === 'percent' || unit === 'celsius' || unit === 'load' ? [] : [1023 * MiB]
      for (const label of yLabels(unit, [0, 0.25, 1, 12.5, 100, 999, ...large])) {
        expect(label.length, `${unit} ${label}`).toBeLessThanOrEqual(10)
      }
    }
  })

  it('names the day where it begins', () => {
    const midnight = new Date(2026, 10, 22).getTime()
    expect(xLabels([midnight - 3_600_000, midnight, midnight + 3_600_000], 3_600_000)).toEqual([
      '23:00',
      '11-22',
      '01:00',
    ])
    expect(xLabels([midnight + 5_000], 5_000)).toEqual(['00:00:05'])
  })
})
