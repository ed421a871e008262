/** The kinds of channels in words: what each is, and what opens its door. Pure. */
import { plural } from '@/shared/lib/format'
import type { Kind, Receives, Target } from './channel-draft'
import { clockOf } from './channel-draft'
import { timeText } from './times'

interface KindWords {
  label: string
  /** What one needs for it, in a line. */
  hint: string
  /** What its secret is called. */
  secret: string
  secretHint: string
  placeholder: string
}

export const KIND_WORDS: Record<Kind, KindWords> = {
  webhook: {
    label: 'Webhook',
    hint: 'JSON to a program of your own, signed if you want',
    secret: 'Key that signs',
    secretHint: 'Each message then carries X-ChatOps-Signature, so that you know it is ours',
    placeholder: '',
  },
  slack: {
    label: 'Slack',
    hint: 'Also Mattermost and Rocket.Chat',
    secret: 'Address of the incoming webhook',
    secretHint: 'In Slack: Apps, Incoming Webhooks, Add to a channel',
    placeholder: 'https://hooks.slack.com/services/…',
  },
  discord: {
    label: 'Discord',
    hint: 'A webhook of one of your channels',
    secret: 'Address of the webhook',
    secretHint: 'In Discord: Edit Channel, Integrations, Webhooks, Copy Webhook URL',
    placeholder: 'https://discord.com/api/webhooks/…',
  },
  teams: {
    label: 'Microsoft Teams',
    hint: 'A workflow that posts to a channel',
    secret: 'Address of the workflow',
    secretHint: 'In Teams: Workflows, “When a Teams webhook request is received”',
    placeholder: 'https://….logic.azure.com/workflows/…',
  },
  telegram: {
    label: 'Telegram',
    hint: 'A bot that writes into a chat',
    secret: 'Token of the bot',
    secretHint: 'From @BotFather; the bot has to be in the chat',
    placeholder: '123456:ABC-DEF…',
  },
  ntfy: {
    label: 'ntfy',
    hint: 'Push to phones, no account needed',
    secret: 'Access token',
    secretHint: 'Only if the topic needs one',
    placeholder: 'tk_…',
  },
  email: {
    label: 'E-mail',
    hint: 'Through your mail server',
    secret: 'Password',
    secretHint: 'Of the user at the mail server',
    placeholder: '',
  },
}

/** Where it leads, as far as it is no secret. */
export function placeText(target: Target): string {
  switch (target.kind) {
    case 'webhook':
      return target.url
    case 'telegram':
      return `Telegram, chat ${target.chat_id}`
    case 'ntfy':
      return `${target.server.replace(/^https?:\/\//, '')}/${target.topic}`
    case 'email':
      return target.to.length <= 2
        ? target.to.join(', ')
        : `${target.to[0]} and ${plural(target.to.length - 1, 'other')}`
    default:
      return KIND_WORDS[target.kind].label
  }
}

const LEAST: Record<Receives['severity'], string> = {
  critical: 'Critical only',
  warning: 'Warning and worse',
  info: 'Every severity',
}

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

/** `Mon–Fri`, `Mon, Wed`, `every day`. */
export function daysText(days: readonly number[]): string {
  const sorted = [...new Set(days)].sort()
  if (sorted.length === 7) return 'every day'
  const [first, last] = [sorted[0], sorted.at(-1)]
  const name = (day: number | undefined) => DAYS[(day ?? 1) - 1] ?? ''
  const together = sorted.length > 2 && (last ?? 0) - (first ?? 0) === sorted.length - 1
  return together ? `${name(first)}–${name(last)}` : sorted.map(name).join(', ')
}

/** Which alerts, and when, in a few words each. */
export function receivesText(receives: Receives, scope: string): string[] {
  const { severity, rules, after_ms, repeat_ms, hours } = receives
  const words = [LEAST[severity]]
  if (receives.scope !== 'all') words.push(scope)
  if (rules && rules.length > 0) words.push(`of ${plural(rules.length, 'rule')}`)
  if (after_ms > 0) words.push(`when nobody acknowledges within ${timeText(after_ms)}`)
  if (repeat_ms > 0) words.push(`again every ${timeText(repeat_ms)}`)
  if (hours) {
    const until = hours.until === 1440 ? '24:00' : clockOf(hours.until)
    words.push(`${daysText(hours.days)} ${clockOf(hours.from)}–${until}`)
  }
  return words
}
