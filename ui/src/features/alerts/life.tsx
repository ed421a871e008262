/** What became of an alert, in the order in which it was stored; who was told, and what they answered. */
import type { ReactNode } from 'react'
import { SEVERITY_TONE } from '@/shared/alerts/severity'
import type { Alert, AlertEntry } from '@/shared/api/model'
import { exact } from '@/shared/lib/time'
import { StatusDot, type Tone } from '@/shared/ui/status-dot'
import { Ago } from '@/shared/ui/time'
import { causeText, toldOf } from './words'

export function Life({ alert, log }: { alert: Alert; log: readonly AlertEntry[] }) {
  return (
    <section aria-labelledby="life" className="card min-w-0 p-4">
      <h2 id="life" className="mb-2 font-medium">
        The life of it
      </h2>
      <ol aria-label="The life of it" className="flex flex-col gap-3">
        {log.map((entry) => {
          const said = saidOf(alert, entry)
          return (
            <li key={entry.seq} className="flex gap-2.5">
              <StatusDot tone={said.tone} className="mt-1.5" />
              <div className="min-w-0 flex-1">
                <p className="flex flex-wrap justify-between gap-x-3">
                  <span className="min-w-0 break-words">{said.text}</span>
                  <span className="text-ink-3 text-xs" title={exact(Date.parse(entry.at))}>
                    <Ago at={entry.at} className="tnum" />
                  </span>
                </p>
                {said.detail ? (
                  <p className="whitespace-pre-wrap break-words text-ink-2 text-xs">
                    {said.detail}
                  </p>
                ) : null}
              </div>
            </li>
          )
        })}
      </ol>
    </section>
  )
}

interface Said {
  tone: Tone
  text: ReactNode
  detail?: string
}

const noteOf = (data: unknown): string =>
  typeof data === 'object' && data !== null && 'note' in data ? String(data.note ?? '') : ''

function saidOf(alert: Alert, { kind, actor, actor_name, data }: AlertEntry): Said {
  const who = actor_name ?? (actor ? 'Somebody' : 'The readings')
  switch (kind) {
    case 'raised':
      return { tone: SEVERITY_TONE[alert.severity], text: 'Raised' }
    case 'acknowledged':
      return { tone: 'accent', text: `${who} takes care of it`, detail: noteOf(data) }
    case 'unacknowledged':
      return { tone: 'warn', text: `${who} took that back` }
    case 'resolved': {
      const cause =
        typeof data === 'object' && data !== null && 'cause' in data ? String(data.cause) : ''
      const text = cause === 'by_hand' ? `${who} resolved it by hand` : `Over: ${causeText(cause)}`
      return { tone: 'ok', text, detail: noteOf(data) }
    }
    case 'cleared':
      return { tone: 'ok', text: 'The condition was false: it may fire again' }
    case 'told': {
      const told = toldOf(data)
      return {
        tone: told.tone,
        text: `${told.channel} was${told.tone === 'ok' ? '' : ' not'} told ${told.what}`,
        detail: [told.result, told.detail].filter(Boolean).join(': '),
      }
    }
    default:
      return { tone: 'off', text: kind }
  }
}
