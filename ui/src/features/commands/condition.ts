/** How a command is, in words, tone and colour. Pure. */
import type { Command } from '@/shared/api/model'
import type { Tone } from '@/shared/ui/status-dot'

export interface Condition {
  label: string
  tone: Tone
  /** What that means, where the word alone does not say it. */
  hint?: string
}

export const OUTCOMES = [
  'finished',
  'failed',
  'cancelled',
  'timed_out',
  'expired',
  'unknown',
  'denied',
] as const

export const OUTCOME_TEXT: Record<(typeof OUTCOMES)[number], string> = {
  finished: 'Finished',
  failed: 'Not done',
  cancelled: 'Cancelled',
  timed_out: 'Timed out',
  expired: 'Expired',
  unknown: 'Unknown',
  denied: 'Denied',
}

function ended(command: Pick<Command, 'outcome' | 'exit_code' | 'signal'>): Condition {
  switch (command.outcome) {
    case 'finished':
      if (command.signal !== null) return { label: `Signal ${command.signal}`, tone: 'bad' }
      if (command.exit_code !== null && command.exit_code !== 0) {
        return { label: `Exit ${command.exit_code}`, tone: 'bad' }
      }
      return { label: 'Finished', tone: 'ok' }
    case 'failed':
      return { label: 'Not done', tone: 'bad', hint: 'The host could not or would not do it.' }
    case 'cancelled':
      return { label: 'Cancelled', tone: 'off', hint: 'Somebody ended it, with all its children.' }
    case 'timed_out':
      return { label: 'Timed out', tone: 'warn', hint: 'It took too long and was ended.' }
    case 'expired':
      return {
        label: 'Expired',
        tone: 'warn',
        hint: 'The host could not be reached in time. It was never begun.',
      }
    case 'denied':
      return { label: 'Denied', tone: 'warn', hint: 'It was not approved. It was never begun.' }
    default:
      return {
        label: 'Unknown',
        tone: 'warn',
        hint: 'It was begun, and nobody can say how it ended. It is never begun again by itself.',
      }
  }
}

export function conditionOf(
  command: Pick<Command, 'state' | 'outcome' | 'exit_code' | 'signal' | 'cancelling'>,
): Condition {
  if (command.state === 'ended') return ended(command)
  if (command.cancelling) return { label: 'Cancelling', tone: 'accent' }
  switch (command.state) {
    case 'approval':
      return {
        label: 'Waits for approval',
        tone: 'warn',
        hint: 'Another person has to approve it.',
      }
    case 'waiting':
      return { label: 'On its way', tone: 'accent', hint: 'The host does not have it yet.' }
    default:
      return { label: 'Running', tone: 'accent' }
  }
}
