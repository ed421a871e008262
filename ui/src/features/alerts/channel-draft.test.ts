import { describe, expect, it } from 'vitest'
import type { AlertChannel } from '@/shared/api/model'
import {
  asksSecret,
  channelDraftOf,
  channelProblems,
  channelRequest,
  clockOf,
  KINDS,
  leadsElsewhere,
  minuteOf,
  newChannel,
  recipientsOf,
  type Target,
} from './channel-draft'
import { daysText, placeText, receivesText } from './channel-kinds'

const TARGETS: readonly Target[] = [
  { kind: 'webhook', url: 'https://hooks.example.org/a' },
  { kind: 'slack' },
  { kind: 'discord' },
  { kind: 'teams' },
  { kind: 'telegram', chat_id: '-100123', server: 'https://bot.example.org' },
  { kind: 'ntfy', server: 'https://ntfy.example.org', topic: 'ops-1' },
  {
    kind: 'email',
    host: 'mail.example.org',
    port: 587,
    tls: 'starttls',
    from: 'ops@example.org',
    to: ['a@example.org', 'b@example.org'],
    user: 'ops',
  },
]

function channel(target: Target, receives: object = {}): AlertChannel {
  return {
    id: '0192f7c0-0000-7000-8000-000000000000',
    version: 3,
    name: 'on call',
    enabled: true,
    target: target as unknown as AlertChannel['target'],
    receives: {
      severity: 'warning',
      scope: { tags: ['prod'] },
      rules: ['r1'],
      after_ms: 900_000,
      repeat_ms: 3_600_000,
      resolved: false,
      hours: { zone: 'Europe/Berlin', days: [1, 2], from: 480, until: 1440 },
      ...receives,
    } as unknown as AlertChannel['receives'],
    templates: { title: '{{ rule }}' } as unknown as AlertChannel['templates'],
    has_secret: true,
    saved_by_name: 'ada',
    saved_at: '2026-11-23T12:00:00Z',
    last: null,
  }
}

describe('a channel that is opened and saved', () => {
  it('stays what it was, whatever its kind', () => {
    expect(TARGETS.map(({ kind }) => kind)).toEqual(KINDS)
    for (const target of TARGETS) {
      const before = channel(target)
      const draft = channelDraftOf(before, 'UTC')
      expect(channelProblems(draft, before), target.kind).toEqual({})
      const request = channelRequest(draft)
      expect(request).toEqual({
        name: before.name,
        enabled: true,
        target: before.target,
        receives: before.receives,
        templates: before.templates,
      })
      expect(leadsElsewhere(draft, before)).toBe(false)
      expect(asksSecret(draft, before)).toBe(false)
    }
  })

  it('asks for its secret again only when it leads elsewhere', () => {
    const before = channel({ kind: 'webhook', url: 'https://hooks.example.org/a' })
    const moved = { ...channelDraftOf(before, 'UTC'), url: 'https://evil.example.org' }
    expect(channelProblems(moved, before).secret).toMatch(/anew/)
    expect(channelProblems({ ...moved, secret: 'k' }, before)).toEqual({})
    expect(channelProblems({ ...moved, kind: 'slack' }, before).secret).toMatch(/anew/)
  })
})

describe('a new channel', () => {
  it('needs what its kind needs', () => {
    const wrong = (kind: (typeof KINDS)[number], change = {}) =>
      Object.keys(
        channelProblems({ ...newChannel(kind, 'UTC'), name: 'x', ...change }, null),
      ).sort()
    expect(wrong('webhook')).toEqual(['url'])
    expect(wrong('slack')).toEqual(['secret'])
    expect(wrong('telegram')).toEqual(['chat', 'secret'])
    expect(wrong('ntfy')).toEqual(['topic'])
    expect(wrong('email')).toEqual(['from', 'host', 'to'])
    expect(wrong('email', { user: 'ops', port: '70000' })).toEqual([
      'from',
      'host',
      'port',
      'secret',
      'to',
    ])
    const hours = { always: false, days: [], opens: '18:00', closes: '08:00', zone: '' }
    expect(wrong('ntfy', { topic: 'a', repeat: '5s', after: 'soon', ...hours })).toEqual([
      'after',
      'closes',
      'days',
      'repeat',
      'zone',
    ])
  })

  it('reads times of the day and people', () => {
    expect(minuteOf('08:30')).toBe(510)
    expect(minuteOf('8:75')).toBeNull()
    expect(clockOf(510)).toBe('08:30')
    expect(clockOf(1440)).toBe('00:00')
    expect(recipientsOf('a@x.org\n b@x.org; c@x.org,')).toEqual(['a@x.org', 'b@x.org', 'c@x.org'])
  })
})

describe('in words', () => {
  it('says where it leads and what it tells of', () => {
    expect(TARGETS.map(placeText)).toEqual([
      'https://hooks.example.org/a',
      'Slack',
      'Discord',
      'Microsoft Teams',
      'Telegram, chat -100123',
      'ntfy.example.org/ops-1',
      'a@example.org, b@example.org',
    ])
    expect(
      receivesText(
        {
          severity: 'critical',
          scope: { tags: ['prod'] },
          rules: ['a'],
          after_ms: 900_000,
          repeat_ms: 3_600_000,
          resolved: true,
          hours: { zone: 'UTC', days: [5, 1, 2, 3, 4], from: 480, until: 1440 },
        },
        'With the tag prod',
      ),
    ).toEqual([
      'Critical only',
      'With the tag prod',
      'of 1 rule',
      'when nobody acknowledges within 15m',
      'again every 1h',
      'Mon–Fri 08:00–24:00',
    ])
    expect(daysText([1, 3])).toBe('Mon, Wed')
    expect(daysText([1, 2, 3, 4, 5, 6, 7])).toBe('every day')
  })
})
