/** Recordings: asciicast v2 as text, and what a player asks of one. */

export interface CastEvent {
  /** Seconds from the beginning. */
  at: number
  kind: 'o' | 'r'
  data: string
}

export interface Cast {
  cols: number
  rows: number
  events: CastEvent[]
  /** Seconds. */
  length: number
}

export function parseCast(text: string): Cast {
  const [head, ...lines] = text.split('\n')
  const header = JSON.parse(head ?? '{}') as { width?: number; height?: number }
  const events: CastEvent[] = []
  for (const line of lines) {
    if (line === '') continue
    const [at, kind, data] = JSON.parse(line) as [number, string, string]
    if (kind === 'o' || kind === 'r') events.push({ at, kind, data })
  }
  return {
    cols: header.width ?? 80,
    rows: header.height ?? 24,
    events,
    length: events.at(-1)?.at ?? 0,
  }
}

/** The same recording with no pause longer than `longest` seconds. */
export function withoutPauses(cast: Cast, longest: number): Cast {
  let before = 0
  let now = 0
  const events = cast.events.map((event) => {
    now += Math.min(longest, Math.max(0, event.at - before))
    before = event.at
    return { ...event, at: now }
  })
  return { ...cast, events, length: now }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is left out
const CONTROL = /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])/g

/** When this text was shown first, from each place where it was: seconds. */
export function findInCast(cast: Cast, text: string, most = 100): number[] {
  const wanted = text.toLowerCase()
  if (wanted === '') return []
  const found: number[] = []
  let tail = ''
  for (const event of cast.events) {
    if (event.kind !== 'o') continue
    const shown = tail + event.data.replace(CONTROL, '').toLowerCase()
    if (shown.includes(wanted)) {
      found.push(event.at)
      if (found.length === most) return found
      tail = ''
    } else {
      tail = shown.slice(-(wanted.length - 1)).slice(0, wanted.length - 1)
    }
  }
  return found
}
