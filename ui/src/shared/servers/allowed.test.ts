import { expect, it } from 'vitest'
import { allowedAt, grantCommand } from './allowed'

const NOW = Date.parse('2026-01-01T12:00:00Z')
const agent = {
  capabilities: ['metrics'],
  grants: [
    { capability: 'exec', until: '2026-01-01T11:59:59.000Z' },
    { capability: 'terminal', until: '2026-01-01T12:30:00.000Z' },
    { capability: 'metrics', until: '2026-01-01T12:30:00.000Z' },
  ],
}

it('knows what is allowed for good, for a while, and not any more', () => {
  expect(allowedAt(agent, 'metrics', NOW)).toEqual({ until: null })
  expect(allowedAt(agent, 'terminal', NOW)).toEqual({ until: NOW + 1_800_000 })
  expect(allowedAt(agent, 'terminal', NOW + 1_800_000)).toBeNull()
  expect(allowedAt(agent, 'exec', NOW)).toBeNull()
  expect(allowedAt(agent, 'docker', NOW)).toBeNull()
})

it('names the command that allows it', () => {
  expect(grantCommand('docker_control')).toBe('chatops-agent grant docker_control 30m')
})
