import { expect, it } from 'vitest'
import { conditionOf } from './condition'

const how = (more: Partial<Parameters<typeof conditionOf>[0]>) => {
  const { label, tone } = conditionOf({
    state: 'ended',
    outcome: null,
    exit_code: null,
    signal: null,
    cancelling: false,
    ...more,
  })
  return `${label} ${tone}`
}

it('says how a command is', () => {
  expect(how({ state: 'waiting' })).toBe('On its way accent')
  expect(how({ state: 'delivered' })).toBe('Running accent')
  expect(how({ state: 'running', cancelling: true })).toBe('Cancelling accent')
  expect(how({ state: 'approval' })).toBe('Waits for approval warn')
})

it('says how it ended; only an exit code of 0 is good', () => {
  expect(how({ outcome: 'finished', exit_code: 0 })).toBe('Finished ok')
  expect(how({ outcome: 'finished', exit_code: 3 })).toBe('Exit 3 bad')
  expect(how({ outcome: 'finished', signal: 9 })).toBe('Signal 9 bad')
  // An action on a service has no exit code.
  expect(how({ outcome: 'finished' })).toBe('Finished ok')
  expect(how({ outcome: 'failed' })).toBe('Not done bad')
  expect(how({ outcome: 'cancelled', exit_code: 0 })).toBe('Cancelled off')
  expect(how({ outcome: 'something new' })).toBe('Unknown warn')
})
