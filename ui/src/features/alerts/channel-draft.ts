/** A channel as it is being written, and as the API takes it. Pure. */
import type { AlertChannel, AlertScope, ChannelRequest, Severity } from '@/shared/api/model'
import { type ScopeDraft, scopeDraftOf, scopeOf } from './silence-draft'
import { timeMs, timeText } from './times'

export const KINDS = ['webhook', 'slack', 'discord', 'teams', 'telegram', 'ntfy', 'email'] as const
export type Kind = (typeof KINDS)[number]

export const isKind = (text: unknown): text is Kind => KINDS.includes(text as Kind)

/** `target` in the answers of the API: what its kind needs, and nothing secret. */
export type Target =
  | { kind: 'webhook'; url: string }
  | { kind: 'slack' | 'discord' | 'teams' }
  | { kind: 'telegram'; chat_id: string; server?: string }
  | { kind: 'ntfy'; server: string; topic: string }
  | {
      kind: 'email'
      host: string
      port: number
      tls: MailTls
      from: string
      to: string[]
      user?: string
    }

export type MailTls = 'implicit' | 'starttls' | 'none'

export interface Hours {
  zone: string
  /** 1 is Monday. */
  days: number[]
  /** Minutes after midnight. */
  from: number
  until: number
}

export interface Receives {
  severity: Severity
  scope: AlertScope
  rules?: string[]
  after_ms: number
  repeat_ms: number
  resolved: boolean
  hours?: Hours | null
}

export const targetOf = (channel: Pick<AlertChannel, 'target'>): Target =>
  channel.target as unknown as Target
export const receivesOf = (channel: Pick<AlertChannel, 'receives'>): Receives =>
  channel.receives as unknown as Receives

export interface ChannelDraft {
  name: string
  enabled: boolean
  kind: Kind
  url: string
  chat: string
  /** A Bot API server of one's own; empty: Telegram's. */
  bot: string
  server: string
  topic: string
  host: string
  port: string
  tls: MailTls
  from: string
  /** One address in each line. */
  to: string
  user: string
  /** Empty: the one that is kept stays. */
  secret: string
  severity: Severity
  scope: ScopeDraft
  rules: readonly string[]
  /** Empty: at once. */
  after: string
  /** Empty: never. */
  repeat: string
  resolved: boolean
  always: boolean
  zone: string
  days: readonly number[]
  /** As a field of a time has it: `08:00`. */
  opens: string
  closes: string
  title: string
  text: string
}

export const newChannel = (kind: Kind, zone: string): ChannelDraft => ({
  name: '',
  enabled: true,
  kind,
  url: '',
  chat: '',
  bot: '',
  server: 'https://ntfy.sh',
  topic: '',
  host: '',
  port: '587',
  tls: 'starttls',
  from: '',
  to: '',
  user: '',
  secret: '',
  severity: 'info',
  scope: { how: 'all' },
  rules: [],
  after: '',
  repeat: '',
  resolved: true,
  always: true,
  zone,
  days: [1, 2, 3, 4, 5],
  opens: '08:00',
  closes: '18:00',
  title: '',
  text: '',
})

export function channelDraftOf(channel: AlertChannel, zone: string): ChannelDraft {
  const target = targetOf(channel)
  const receives = receivesOf(channel)
  const templates = channel.templates as { title?: string; text?: string }
  const draft: ChannelDraft = {
    ...newChannel(target.kind, zone),
    name: channel.name,
    enabled: channel.enabled,
    severity: receives.severity,
    scope: scopeDraftOf(receives.scope),
    rules: receives.rules ?? [],
    after: receives.after_ms > 0 ? timeText(receives.after_ms) : '',
    repeat: receives.repeat_ms > 0 ? timeText(receives.repeat_ms) : '',
    resolved: receives.resolved,
    title: templates.title ?? '',
    text: templates.text ?? '',
  }
  if (receives.hours) {
    const { zone: where, days, from, until } = receives.hours
    Object.assign(draft, {
      always: false,
      zone: where,
      days,
      opens: clockOf(from),
      closes: clockOf(until),
    })
  }
  switch (target.kind) {
    case 'webhook':
      return { ...draft, url: target.url }
    case 'telegram':
      return { ...draft, chat: target.chat_id, bot: target.server ?? '' }
    case 'ntfy':
      return { ...draft, server: target.server, topic: target.topic }
    case 'email':
      return {
        ...draft,
        host: target.host,
        port: String(target.port),
        tls: target.tls,
        from: target.from,
        to: target.to.join('\n'),
        user: target.user ?? '',
      }
    default:
      return draft
  }
}

const DAY_END = 1440

/** `08:30`; the end of the day is `00:00`. */
export const clockOf = (minute: number): string =>
  `${String(Math.floor((minute % DAY_END) / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`

/** Null when it is no time of the day. */
export function minuteOf(clock: string): number | null {
  const [, hours, minutes] = /^(\d{1,2}):(\d{2})$/.exec(clock.trim()) ?? []
  if (hours === undefined || minutes === undefined) return null
  const minute = Number(hours) * 60 + Number(minutes)
  return Number(minutes) < 60 && minute <= DAY_END ? minute : null
}

/** When hours end: midnight is the end of the day, not its beginning. */
const closingOf = (clock: string): number | null => {
  const minute = minuteOf(clock)
  return minute === 0 ? DAY_END : minute
}

export function targetRequest(draft: ChannelDraft): Target {
  const text = (value: string) => value.trim()
  switch (draft.kind) {
    case 'webhook':
      return { kind: 'webhook', url: text(draft.url) }
    case 'telegram': {
      const server = text(draft.bot)
      return { kind: 'telegram', chat_id: text(draft.chat), ...(server ? { server } : {}) }
    }
    case 'ntfy':
      return { kind: 'ntfy', server: text(draft.server), topic: text(draft.topic) }
    case 'email': {
      const user = text(draft.user)
      return {
        kind: 'email',
        host: text(draft.host),
        port: Number(draft.port) || 0,
        tls: draft.tls,
        from: text(draft.from),
        to: recipientsOf(draft.to),
        ...(user ? { user } : {}),
      }
    }
    default:
      return { kind: draft.kind }
  }
}

export const recipientsOf = (text: string): string[] =>
  text
    .split(/[\n,;]/)
    .map((one) => one.trim())
    .filter(Boolean)

/** Whether nothing can be sent without a secret. */
export const needsSecret = (draft: ChannelDraft): boolean =>
  draft.kind === 'email'
    ? draft.user.trim() !== ''
    : draft.kind !== 'webhook' && draft.kind !== 'ntfy'

/** Whether the channel would lead to another place than the secret was given for. */
export function leadsElsewhere(draft: ChannelDraft, channel: AlertChannel): boolean {
  const sorted = (target: object) => JSON.stringify(Object.entries(target).sort())
  return sorted(targetRequest(draft)) !== sorted(targetOf(channel))
}

/** A secret has to be typed now: there is none, or the one that is kept was given for another place. */
export const asksSecret = (draft: ChannelDraft, channel: AlertChannel | null): boolean =>
  channel?.has_secret ? leadsElsewhere(draft, channel) : needsSecret(draft)

export const templatesRequest = ({ title, text }: Pick<ChannelDraft, 'title' | 'text'>) => ({
  ...(title.trim() ? { title: title.trim() } : {}),
  ...(text.trim() ? { text } : {}),
})

export function channelRequest(draft: ChannelDraft): ChannelRequest {
  const receives: Receives = {
    severity: draft.severity,
    scope: scopeOf(draft.scope) ?? 'all',
    rules: [...draft.rules],
    after_ms: timeMs(draft.after) ?? 0,
    repeat_ms: timeMs(draft.repeat) ?? 0,
    resolved: draft.resolved,
    ...(draft.always
      ? {}
      : {
          hours: {
            zone: draft.zone.trim(),
            days: [...draft.days].sort(),
            from: minuteOf(draft.opens) ?? 0,
            until: closingOf(draft.closes) ?? 0,
          },
        }),
  }
  return {
    name: draft.name.trim(),
    enabled: draft.enabled,
    target: targetRequest(draft) as unknown as ChannelRequest['target'],
    receives: receives as unknown as ChannelRequest['receives'],
    templates: templatesRequest(draft) as unknown as ChannelRequest['templates'],
    ...(draft.secret === '' ? {} : { secret: draft.secret.trim() }),
  }
}

/** The channel as it is, but on or off. */
export const switched = (channel: AlertChannel, enabled: boolean): ChannelRequest => ({
  name: channel.name,
  enabled,
  target: channel.target,
  receives: channel.receives,
  templates: channel.templates,
})

export type ChannelProblems = Partial<Record<keyof ChannelDraft, string>>

const WEEK_MS = 7 * 86_400_000

export function channelProblems(
  draft: ChannelDraft,
  channel: AlertChannel | null,
): ChannelProblems {
  const found: ChannelProblems = {}
  const filled = (field: 'url' | 'chat' | 'server' | 'topic' | 'host' | 'from', what: string) => {
    if (draft[field].trim() === '') found[field] = what
  }
  if (draft.name.trim() === '') found.name = 'Give it a name'
  switch (draft.kind) {
    case 'webhook':
      filled('url', 'Say where it listens')
      break
    case 'telegram':
      filled('chat', 'Say which chat')
      break
    case 'ntfy':
      filled('server', 'Say which server')
      filled('topic', 'Say which topic')
      break
    case 'email': {
      filled('host', 'Say which mail server')
      filled('from', 'Say who it is from')
      const port = Number(draft.port)
      if (!Number.isInteger(port) || port < 1 || port > 65_535) found.port = 'Use 1 to 65535'
      if (recipientsOf(draft.to).length === 0) found.to = 'Say who gets it'
      break
    }
  }
  if (draft.secret.trim() === '' && asksSecret(draft, channel)) {
    found.secret = channel?.has_secret
      ? 'It leads elsewhere now: give this anew'
      : 'Nothing can be sent without it'
  }
  if (scopeOf(draft.scope) === null) found.scope = 'Say of which servers'
  const stretch = (field: 'after' | 'repeat', least: number) => {
    if (draft[field].trim() === '') return
    const ms = timeMs(draft[field])
    if (ms === null || ms < least || ms > WEEK_MS) {
      found[field] = 'Use a minute to a week, such as 15m'
    }
  }
  stretch('after', 1)
  stretch('repeat', 60_000)
  if (!draft.always) {
    if (draft.days.length === 0) found.days = 'Choose a day'
    if (draft.zone.trim() === '') found.zone = 'Say where these hours count'
    const [opens, closes] = [minuteOf(draft.opens), closingOf(draft.closes)]
    if (opens === null) found.opens = 'Use a time, such as 08:00'
    if (closes === null) found.closes = 'Use a time, such as 18:00'
    else if (opens !== null && closes <= opens) found.closes = 'This is not after the beginning'
  }
  return found
}
