import { expect, it } from 'vitest'
import { fillKey, hasPlace } from './install-command'

it.each([
  'chatops-agent run --api-key <api-key>',
  'chatops-agent run --api-key <API_KEY>',
  'chatops-agent run --api-key <key>',
  'chatops-agent run --api-key {api_key}',
  'chatops-agent run --api-key {{ key }}',
])('%s', (command) => {
  expect(hasPlace(command)).toBe(true)
  expect(fillKey(command, 'chatops_ab_c$&d')).toBe('chatops-agent run --api-key chatops_ab_c$&d')
})

it('leaves commands without a place alone', () => {
  expect(hasPlace('systemctl status chatops-agent')).toBe(false)
  expect(fillKey('a < b > c', 'k')).toBe('a < b > c')
})
