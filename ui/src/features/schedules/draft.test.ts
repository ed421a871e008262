import { describe, expect, it } from 'vitest'
import type { Schedule, Script } from '@/shared/api/model'
import { inZone } from '@/shared/schedules/moments'
import { draftOf, newDraft, problemsOf, requestOf } from './draft'

const schedule = {
  name: 'nightly',
  cron: '30 2 * * *',
  zone: 'Europe/Berlin',
  missed: 'run_all',
  missed_max: 3,
  targets: { tag: 'prod' },
  plan: { command: 'true', concurrency: 5, canary: 1, stop_after: 2, wait_s: 90 },
} as unknown as Schedule

const script = {
  id: 's',
  parameters: [{ name: 'A', kind: 'text', required: true }],
} as unknown as Script

describe('a schedule as it is being written', () => {
  it('keeps what it runs unless somebody says otherwise', () => {
    const draft = draftOf(schedule)
    expect(problemsOf(draft, undefined)).toEqual({})
    expect(requestOf(draft, undefined, schedule.plan)).toEqual({
      name: 'nightly',
      cron: '30 2 * * *',
      zone: 'Europe/Berlin',
      missed: 'run_all',
      missed_max: 3,
      targets: { tag: 'prod' },
      run: undefined,
      pace: { concurrency: 5, canary: 1, stop_after: 2, wait_s: 90 },
    })
  })

  it('needs the values of its script', () => {
    const draft = {
      ...newDraft(),
      name: 'x',
      what: 'script:s' as const,
      where: { how: 'query', where: 'web' },
    }
    expect(problemsOf(draft, script)).toEqual({ what: 'Fill in A' })
    const filled = { ...draft, values: { A: '1' } }
    expect(problemsOf(filled, script)).toEqual({})
    expect(requestOf(filled, script, undefined).run).toEqual({
      script: { id: 's', values: { A: '1' } },
    })
  })

  it('says what is missing', () => {
    const draft = { ...newDraft(), cron: ' ', missed: 'run_all' as const, most: '0' }
    expect(Object.keys(problemsOf(draft, undefined)).sort()).toEqual([
      'cron',
      'most',
      'name',
      'what',
      'where',
    ])
  })
})

describe('a moment in a zone', () => {
  it('is shown as the clocks there show it', () => {
    const at = Date.parse('2026-11-24T01:30:00Z')
    expect(inZone(at, 'Europe/Berlin')).toBe('Tue 24 Nov 2026, 02:30')
    expect(inZone(at + 5_000, 'UTC', true)).toBe('Tue 24 Nov 2026, 01:30:05')
    expect(inZone(at, 'Nowhere/Land')).toBeNull()
  })
})
