import { expect, it } from 'vitest'
import { scopeText, silencesInOrder } from './rule-words'

const nameOf = (id: string) => `host ${id}`

it('names few servers and counts many', () => {
  expect(scopeText('all', nameOf)).toBe('All servers')
  expect(scopeText({ tags: ['db', 'prod'] }, nameOf)).toBe('With the tag db or prod')
  expect(scopeText({ servers: ['1', '2', '3'] }, nameOf)).toBe('host 1, host 2, host 3')
  expect(scopeText({ servers: ['1', '2', '3', '4'] }, nameOf)).toBe('host 1, host 2 and 2 others')
  expect(scopeText({ servers: ['1', '2', '3', '4', '5'] }, nameOf)).toContain('3 others')
})

it('puts what is on first, then what comes next, then what was over last', () => {
  type Given = Parameters<typeof silencesInOrder>[0][number]
  const at = (hour: number) => `2026-11-23T${String(hour).padStart(2, '0')}:00:00.000Z`
  const silence = (id: string, state: Given['state'], hour: number): Given => ({
    id,
    state,
    reason: id,
    scope: 'all',
    rules: [],
    times: { once: { from: at(hour), until: at(hour + 1) } },
    now: null,
    next: state === 'planned' ? { from: at(hour), until: at(hour + 1) } : null,
    held: 0,
    matches: { servers: 0, open_alerts: 0 },
    broad: false,
    saved_by_name: null,
    saved_at: at(hour),
    ended_at: null,
    ended_by: null,
  })
  const list = [
    silence('over early', 'over', 1),
    silence('later', 'planned', 20),
    silence('on', 'active', 9),
    silence('ended late', 'ended', 8),
    silence('next', 'planned', 12),
  ]
  expect(silencesInOrder(list).map(({ id }) => id)).toEqual([
    'on',
    'next',
    'later',
    'ended late',
    'over early',
  ])
})
