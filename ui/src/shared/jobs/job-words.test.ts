import { describe, expect, it } from 'vitest'
import { hostSaid, jobSaid } from './job-words'

describe('words for jobs', () => {
  it('a completed job with a failed host does not look good', () => {
    const job = { state: 'ended', outcome: 'completed' } as const
    expect(jobSaid({ ...job, failed: 0 }).tone).toBe('ok')
    expect(jobSaid({ ...job, failed: 1 }).tone).toBe('bad')
  })

  it('a job that is not over has no outcome to show', () => {
    expect(jobSaid({ state: 'waiting', outcome: null, failed: null }).word).toBe(
      'Waits for approval',
    )
  })

  it('an exit code is named, and a word of a later server is shown as it is', () => {
    expect(hostSaid({ state: 'finished', exit_code: 3 })).toEqual({
      tone: 'bad',
      word: 'Exit code 3',
    })
    expect(hostSaid({ state: 'finished', exit_code: 0 }).tone).toBe('ok')
    expect(hostSaid({ state: 'teleported', exit_code: null }).word).toBe('teleported')
  })
})
