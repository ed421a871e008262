/** How a job and a host of it are said in a word, and which mark goes with it. */
import type { Job, JobHost } from '@/shared/api/model'
import type { Tone } from '@/shared/ui/status-dot'

export interface Said {
  tone: Tone
  word: string
}

const STATES: Record<Exclude<Job['state'], 'ended'>, Said> = {
  waiting: { tone: 'warn', word: 'Waits for approval' },
  running: { tone: 'accent', word: 'Running' },
  paused: { tone: 'off', word: 'Paused' },
  cancelling: { tone: 'warn', word: 'Being cancelled' },
}

export function jobSaid(job: Pick<Job, 'state' | 'outcome' | 'failed'>): Said {
  if (job.state !== 'ended') return STATES[job.state]
  if (job.outcome === 'completed') {
    return job.failed === 0
      ? { tone: 'ok', word: 'Completed' }
      : { tone: 'bad', word: 'Completed with failures' }
  }
  if (job.outcome === 'stopped') return { tone: 'bad', word: 'Stopped' }
  if (job.outcome === 'denied') return { tone: 'off', word: 'Denied' }
  return { tone: 'off', word: 'Cancelled' }
}

const HOSTS: Record<string, Said> = {
  waiting: { tone: 'off', word: 'Waiting' },
  skipped: { tone: 'off', word: 'Never begun' },
  requested: { tone: 'accent', word: 'Asked' },
  running: { tone: 'accent', word: 'Running' },
  failed: { tone: 'bad', word: 'Failed' },
  cancelled: { tone: 'off', word: 'Cancelled' },
  timed_out: { tone: 'bad', word: 'Timed out' },
  expired: { tone: 'warn', word: 'Not reached in time' },
  unknown: { tone: 'warn', word: 'Unknown' },
  denied: { tone: 'bad', word: 'Denied' },
}

export function hostSaid(host: Pick<JobHost, 'state' | 'exit_code'>): Said {
  if (host.state === 'finished') {
    return host.exit_code
      ? { tone: 'bad', word: `Exit code ${host.exit_code}` }
      : { tone: 'ok', word: 'Done' }
  }
  return HOSTS[host.state] ?? { tone: 'off', word: host.state }
}
