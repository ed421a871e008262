import { describe, expect, it } from 'vitest'
import {
  isFact,
  limitsOf,
  measuresOf,
  type Simple,
  simpleOf,
  simpleProblems,
  withWait,
  wordingOf,
} from './simple'

const compare = (series: string, limit: number, clear: number | null = null, window?: object) => ({
  compare: { measure: { series, window }, threshold: { comparison: '>', limit, clear } },
})

describe('a condition of one comparison', () => {
  it('becomes fields, and these the line again', () => {
    const form = simpleOf({ when: compare('cpu', 90, 80), for_ms: 300_000, keep_ms: 60_000 })
    expect(form).toMatchObject({ series: 'cpu', limit: '90', clear: '80', wait: '5m', keep: '1m' })
    expect(wordingOf(form as Simple)).toBe('cpu > 90 clear 80 for 5m keep 1m')
  })

  it('keeps its window', () => {
    const when = compare('fs:/my disk:used', 5, null, { aggregate: 'rate', over_ms: 600_000 })
    expect(wordingOf(simpleOf({ when }) as Simple)).toBe('rate("fs:/my disk:used", 10m) > 5')
  })

  it('is the only one that becomes fields', () => {
    expect(simpleOf({ when: { all: [compare('cpu', 1), compare('mem', 2)] } })).toBeNull()
    expect(simpleOf({ when: { fact: 'down' } })).toBeNull()
    expect(simpleOf({ when: { changed: { measure: { series: 'uptime_s' } } } })).toBeNull()
  })

  it('says what cannot be right', () => {
    const form = simpleOf({ when: compare('cpu', 90) }) as Simple
    expect(simpleProblems(form)).toEqual({})
    expect(simpleProblems({ ...form, limit: '2Gi', clear: '1.5Gi', wait: '1h30m' })).toEqual({})
    expect(
      Object.keys(
        simpleProblems({ ...form, series: ' ', limit: 'x', clear: '1 %', wait: '5', keep: 'x' }),
      ).sort(),
    ).toEqual(['clear', 'keep', 'limit', 'series', 'wait'])
    expect(simpleProblems({ ...form, aggregate: 'avg', over: '' })).toHaveProperty('over')
  })
})

it('finds limits and numbers of nested conditions in their order', () => {
  const when = { any: [{ all: [compare('cpu', 90, 80), compare('load1', 8)] }, compare('mem', 95)] }
  expect(limitsOf(when)).toEqual([
    { limit: 90, clear: 80 },
    { limit: 8, clear: null },
    { limit: 95, clear: null },
  ])
  expect(measuresOf(when).map(({ series }) => series)).toEqual(['cpu', 'load1', 'mem'])
  expect(limitsOf({ fact: 'down' })).toEqual([])
  expect(measuresOf({ changed: { measure: { series: 'uptime_s' } } })).toEqual([
    { series: 'uptime_s', windowed: false },
  ])
})

it('changes only the time to wait', () => {
  expect(withWait('cpu > 90', 300_000)).toBe('cpu > 90 for 5m')
  expect(withWait('cpu > 90 clear 80 for 30s keep 1m', 600_000)).toBe(
    'cpu > 90 clear 80 for 10m keep 1m',
  )
  expect(withWait('cpu > 90 keep 1m', 60_000)).toBe('cpu > 90 for 1m keep 1m')
  expect(withWait('cpu > 90 for 5m', 0)).toBe('cpu > 90')
})

it('knows what is not a number', () => {
  expect(isFact({ fact: 'down' })).toBe(true)
  expect(isFact({ compare: {} })).toBe(false)
  expect(isFact(undefined)).toBe(false)
})
