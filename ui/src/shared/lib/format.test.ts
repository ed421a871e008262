import { describe, expect, it } from 'vitest'
import {
  bytes,
  bytesPerSecond,
  count,
  duration,
  milliseconds,
  percent,
  shortRate,
  withUnit,
} from './format'
import { relative } from './time'

describe('format', () => {
  it('writes bytes in binary units with three digits', () => {
    expect([0, 999, 1000, 1024, 1536, 10_240, 1048576, 5e12].map(bytes)).toEqual([
      '0 B',
      '999 B',
      '0.98 KiB',
      '1.00 KiB',
      '1.50 KiB',
      '10.0 KiB',
      '1.00 MiB',
      '4.55 TiB',
    ])
    expect(bytesPerSecond(1536)).toBe('1.50 KiB/s')
    expect(shortRate(1536)).toBe('1.50K')
  })

  it('writes percents with one decimal', () => {
    expect([0, 3.149, 99.94, 99.96, 100, 180.2].map(percent)).toEqual([
      '0.0 %',
      '3.1 %',
      '99.9 %',
      '100 %',
      '100 %',
      '180 %',
    ])
  })

  it('keeps counts short', () => {
    expect([0, 7, 0.5, 9999, 10_000, 123_456, 1e6, 2.5e9].map(count)).toEqual([
      '0',
      '7',
      '0.50',
      '9999',
      '10.0 k',
      '123 k',
      '1.00 M',
      '2.50 G',
    ])
    expect([0.123, 15.2, 1500].map(milliseconds)).toEqual(['0.12 ms', '15.2 ms', '1.50 s'])
  })

  it('writes durations with two parts', () => {
    expect([3, 60, 3_600, 5_000, 90_000, 864_000].map(duration)).toEqual([
      '3 s',
      '1 min',
      '1 h',
      '1 h 23 min',
      '1 d 1 h',
      '10 d',
    ])
  })

  it('never invents a zero for what is not known', () => {
    for (const unit of [
      'percent',
      'bytes',
      'bytes_per_s',
      'per_s',
      'count',
      'load',
      'celsius',
      'ms',
      'seconds',
    ] as const) {
      expect(withUnit(null, unit)).toBe('–')
      expect(withUnit(undefined, unit)).toBe('–')
      expect(withUnit(Number.NaN, unit)).toBe('–')
    }
  })

  it('tells ages', () => {
    const now = 1e12
    expect([0, 5, 65, 7_300, 200_000, -90].map((s) => relative(now - s * 1_000, now))).toEqual([
      'just now',
      '5 s ago',
      '1 min ago',
      '2 h ago',
      '2 d ago',
      'in 1 min',
    ])
  })
})
