import { expect, it } from 'vitest'
import { progressOf } from './wait-for-agent'

const event = (kind: string, at: string) => ({
  id: at,
  at,
  kind,
  transport: 'nats',
  address: null,
  detail: null,
  duration_s: null,
})

it('follows the agent from the first call to the first reading', () => {
  expect(progressOf([], undefined)).toEqual({
    contactedAt: null,
    authenticatedAt: null,
    readingsAt: null,
    refused: null,
  })
  const refused = progressOf([event('authentication_failed', '2026-01-01T00:00:05Z')], undefined)
  expect(refused.contactedAt).toBe(Date.parse('2026-01-01T00:00:05Z'))
  expect(refused.authenticatedAt).toBeNull()
  expect(refused.refused?.kind).toBe('authentication_failed')
  const accepted = progressOf(
    [
      event('connected', '2026-01-01T00:00:09Z'),
      event('authentication_failed', '2026-01-01T00:00:05Z'),
    ],
    undefined,
  )
  expect(accepted.contactedAt).toBe(Date.parse('2026-01-01T00:00:05Z'))
  expect(accepted.authenticatedAt).toBe(Date.parse('2026-01-01T00:00:09Z'))
  expect(accepted.refused).toBeNull()
})
