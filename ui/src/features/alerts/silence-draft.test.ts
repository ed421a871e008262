import { describe, expect, it } from 'vitest'
import {
  localText,
  quickEnd,
  type SilenceDraft,
  scopeDraftOf,
  scopeOf,
  silenceProblems,
  timesOf,
} from './silence-draft'

const now = Date.parse('2026-11-23T22:10:00')
const draft: SilenceDraft = {
  reason: 'new disks',
  scope: { how: 'tags', tags: ['db'] },
  rules: [],
  when: 'once',
  quick: '2h',
  from: '',
  until: '',
  cron: '0 3 * * 0',
  zone: 'Europe/Berlin',
  stretch: '2h',
}

describe('a silence as it is being written', () => {
  it('has quick ends by the clock on the wall', () => {
    expect(quickEnd('30m', now) - now).toBe(30 * 60_000)
    expect(localText(quickEnd('morning', now))).toBe('2026-11-24T09:00')
    expect(localText(quickEnd('morning', Date.parse('2026-12-31T01:00:00')))).toBe(
      '2027-01-01T09:00',
    )
  })

  it('becomes what the API takes', () => {
    expect(silenceProblems(draft, now)).toEqual({})
    expect(timesOf(draft, now)).toEqual({
      once: { from: new Date(now).toISOString(), until: new Date(now + 7_200_000).toISOString() },
    })
    expect(timesOf({ ...draft, when: 'recurring' }, now)).toEqual({
      recurring: { cron: '0 3 * * 0', zone: 'Europe/Berlin', stretch_ms: 7_200_000 },
    })
    const custom = {
      ...draft,
      quick: 'custom' as const,
      from: '2026-11-24T01:00',
      until: '2026-11-24T02:30',
    }
    expect(silenceProblems(custom, now)).toEqual({})
    expect(timesOf(custom, now).once?.until).toBe(new Date('2026-11-24T02:30').toISOString())
  })

  it('says what is missing', () => {
    const empty = { ...draft, reason: ' ', scope: { how: 'servers' as const, servers: [] } }
    expect(Object.keys(silenceProblems(empty, now)).sort()).toEqual(['reason', 'scope'])
    const past = { ...draft, quick: 'custom' as const, from: '2026-11-20T01:00' }
    expect(silenceProblems({ ...past, until: '2026-11-20T02:00' }, now)).toHaveProperty('until')
    expect(silenceProblems({ ...past, until: '2026-11-19T02:00' }, now)).toHaveProperty('until')
    expect(silenceProblems({ ...draft, when: 'recurring', stretch: '3d', cron: '' }, now)).toEqual({
      cron: 'Say when each begins',
      stretch: 'Use a minute to a day, such as 2h',
    })
  })
})

it('goes from a scope to a draft and back', () => {
  for (const scope of ['all', { servers: ['a', 'b'] }, { tags: ['prod'] }]) {
    expect(scopeOf(scopeDraftOf(scope))).toEqual(scope)
  }
})
