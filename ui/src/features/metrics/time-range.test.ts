import { describe, expect, it } from 'vitest'
import {
  DEFAULT_RANGE,
  durationText,
  fromSearch,
  parseDuration,
  parseRange,
  rangeCopy,
  rangeLabel,
  shift,
  type TimeRange,
  toSearch,
  zoomOut,
} from './time-range'

const now = new Date(2026, 10, 22, 15, 30, 0).getTime()
const at = (text: string) => new Date(text).getTime()
const abs = (from: number, to: number): TimeRange => ({ kind: 'absolute', from, to })
const rel = (ms: number): TimeRange => ({ kind: 'relative', ms })
const HOUR = 3_600_000

describe('time range', () => {
  it.each([
    ['3h', rel(3 * HOUR)],
    ['90 min', rel(90 * 60_000)],
    ['1.5h', rel(90 * 60_000)],
    ['last 2 days', rel(48 * HOUR)],
    ['now-6h', rel(6 * HOUR)],
    ['now - 30 minutes', rel(30 * 60_000)],
    ['now-2h to now-1h', abs(now - 2 * HOUR, now - HOUR)],
    ['today', abs(at('2026-11-22T00:00:00'), now)],
    ['yesterday', abs(at('2026-11-21T00:00:00'), at('2026-11-22T00:00:00'))],
    [
      '2026-11-20 10:00 to 2026-11-20 11:30',
      abs(at('2026-11-20T10:00:00'), at('2026-11-20T11:30:00')),
    ],
    ['2026-11-20 10:00 to 11:30', abs(at('2026-11-20T10:00:00'), at('2026-11-20T11:30:00'))],
    [
      '2026-11-20T10:00:00Z/2026-11-20T11:00:00Z',
      abs(at('2026-11-20T10:00:00Z'), at('2026-11-20T11:00:00Z')),
    ],
    ['2026-11-20 to 2026-11-21', abs(at('2026-11-20T00:00:00'), at('2026-11-21T00:00:00'))],
    ['10:00 to 11:00', abs(at('2026-11-22T10:00:00'), at('2026-11-22T11:00:00'))],
  ])('understands %s', (text, expected) => {
    expect(parseRange(text, now)).toEqual(expected)
  })

  it.each([
    '',
    'soon',
    '3 parsecs',
    '5s',
    '9000d',
    'now-1h to now-2h',
    '2026-13-40 to 2026-14-01',
    'a to b to c',
  ])('refuses %j', (text) => {
    expect(parseRange(text, now)).toBeNull()
  })

  it('writes durations in their shortest exact form', () => {
    expect(
      ['5m', '90m', '1h', '24h', '36h', '7d', '30d'].map((text) =>
        durationText(parseDuration(text) ?? 0),
      ),
    ).toEqual(['5m', '90m', '1h', '24h', '36h', '7d', '30d'])
  })

  it('survives the URL and keeps the default out of it', () => {
    for (const range of [rel(6 * HOUR), rel(95_000), abs(now - HOUR, now)]) {
      expect(fromSearch(toSearch(range))).toEqual(range)
    }
    expect(toSearch(DEFAULT_RANGE)).toEqual({})
    expect(fromSearch({ range: 'nonsense' })).toEqual(DEFAULT_RANGE)
    expect(fromSearch({ from: 5, to: 4 })).toEqual(DEFAULT_RANGE)
  })

  it('survives the clipboard', () => {
    for (const range of [rel(6 * HOUR), abs(now - HOUR, now)]) {
      const back = parseRange(rangeCopy(range), now)
      expect(back).toEqual(range.kind === 'relative' ? abs(now - range.ms, now) : range)
    }
  })

  it('zooms out around the middle but not into the future', () => {
    expect(zoomOut(rel(HOUR), now)).toEqual(rel(2 * HOUR))
    expect(zoomOut(abs(now - 6 * HOUR, now - 4 * HOUR), now)).toEqual(
      abs(now - 7 * HOUR, now - 3 * HOUR),
    )
    expect(zoomOut(abs(now - HOUR, now), now)).toEqual(abs(now - 2 * HOUR, now))
  })

  it('shifts by half a window', () => {
    expect(shift(rel(2 * HOUR), -1, now)).toEqual(abs(now - 3 * HOUR, now - HOUR))
    expect(shift(abs(now - 3 * HOUR, now - HOUR), 1, now)).toEqual(abs(now - 2 * HOUR, now))
  })

  it('names ranges', () => {
    expect(rangeLabel(rel(HOUR))).toBe('Last hour')
    expect(rangeLabel(rel(3 * HOUR))).toBe('Last 3h')
    expect(rangeLabel(abs(now - HOUR, now))).toBe('2026-11-22 14:30 – 15:30')
  })
})
