/** Alerts in words. Pure. */
import { duration } from '@/shared/lib/format'
import type { Tone } from '@/shared/ui/status-dot'

const CAUSES: Record<string, string> = {
  condition: 'the condition is not true any more',
  by_hand: 'somebody said so',
  rule_changed: 'the rule was changed',
  rule_gone: 'the rule is gone, off, or not about this server any more',
  device_gone: 'the device is not there any more',
  server_gone: 'the server was deleted',
}

/** Why an alert is over, to stand behind "because". */
export const causeText = (cause: string): string => CAUSES[cause] ?? 'something else'

/** For how long it lasted, or lasts. */
export const lasted = (from: number, to: number): string =>
  duration(Math.max(0, (to - from) / 1_000))

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

const OCCASIONS: Record<string, string> = {
  raised: 'that it began',
  reminder: 'that it goes on',
  resolved: 'that it is over',
}

export interface Told {
  channel: string
  what: string
  tone: Tone
  /** What became of it. */
  result: string
  /** What the other side answered, or why nothing was sent. */
  detail: string
}

const HELD: Record<string, string> = {
  over: 'it was over before anybody could be told',
  acknowledged: 'somebody had acknowledged it',
  not_allowed: 'the author of the channel may not see this server any more',
}

function heldText(why: unknown): string {
  if (typeof why === 'string') return HELD[why] ?? why
  if (!isRecord(why)) return ''
  if ('silence' in why) return 'a silence was on'
  if ('host_down' in why) return 'the host is down, and that is told'
  if (isRecord(why.storm)) {
    return `${String(why.storm.alerts)} alerts began at once, and one message tells of them all`
  }
  return ''
}

/** `12 ms`, `1.2 s`: how long an answer took. */
export const tookText = (ms: number): string =>
  ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`

/** One notification, or why there was none. */
export function toldOf(data: unknown): Told {
  const event = isRecord(data) ? data : {}
  const delivery = isRecord(event.delivery) ? event.delivery : {}
  const attempts = Number(event.attempts ?? 0)
  const tries = attempts > 1 ? `, after ${attempts} tries` : ''
  const base = {
    channel: String(event.channel_name ?? ''),
    what: OCCASIONS[String(event.occasion)] ?? String(event.occasion ?? ''),
  }
  if (isRecord(delivery.sent)) {
    const { answer, took_ms } = delivery.sent
    return {
      ...base,
      tone: 'ok',
      result: `Sent in ${tookText(Number(took_ms ?? 0))}${tries}`,
      detail: String(answer ?? ''),
    }
  }
  if (isRecord(delivery.failed)) {
    const detail = String(delivery.failed.reason ?? '')
    return { ...base, tone: 'bad', result: `Failed${tries}`, detail }
  }
  const why = isRecord(delivery.held) ? delivery.held.why : undefined
  return { ...base, tone: 'off', result: 'Kept back', detail: heldText(why) }
}

/** What a trial found, in a sentence. */
export function trialText(fired: number, flaps: number): string {
  const times = (count: number) =>
    count === 0 ? 'never' : count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`
  if (fired === 0) return 'It would never have fired'
  const fires = `It would have fired ${times(fired)}`
  if (fired === 1) return fires
  return flaps === 0
    ? `${fires}; it never came back within ten minutes`
    : `${fires}; it came back within ten minutes ${times(flaps)}`
}
