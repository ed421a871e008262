/** Small parts of what is said about an alert, the same in the list and on its page. */

import {
  SEVERITY_HINT,
  SEVERITY_TEXT,
  SEVERITY_TONE,
  type Severity,
} from '@/shared/alerts/severity'
import type { Alert, AlertValue } from '@/shared/api/model'
import { useNow } from '@/shared/lib/now'
import { exact } from '@/shared/lib/time'
import { StatusDot } from '@/shared/ui/status-dot'
import { Ago } from '@/shared/ui/time'
import { labelOf, valueText } from './series'
import { causeText, lasted } from './words'

export function SeverityMark({ severity, over }: { severity: Severity; over: boolean }) {
  return (
    <span className="flex items-center gap-2 whitespace-nowrap" title={SEVERITY_HINT[severity]}>
      <StatusDot tone={over ? 'off' : SEVERITY_TONE[severity]} />
      <span className={over ? 'text-ink-2' : 'font-medium'}>{SEVERITY_TEXT[severity]}</span>
    </span>
  )
}

/** For how long it goes on, or went on. */
export function Lasting({ alert }: { alert: Pick<Alert, 'since' | 'resolved_at'> }) {
  const now = useNow()
  const from = Date.parse(alert.since)
  const to = alert.resolved_at ? Date.parse(alert.resolved_at) : now
  return (
    <time dateTime={alert.since} title={`since ${exact(from)}`} className="tnum whitespace-nowrap">
      {lasted(from, to)}
    </time>
  )
}

/** What the comparisons saw when it was raised. */
export function Values({ values }: { values: readonly AlertValue[] }) {
  if (values.length === 0) return null
  return (
    <span className="tnum">
      {values.map(({ series, value }, index) => (
        <span key={series} title={labelOf(series)}>
          {index > 0 ? ', ' : ''}
          {values.length > 1 ? `${series} ` : ''}
          {valueText(series, value)}
        </span>
      ))}
    </span>
  )
}

/** Who takes care of it, or how it ended. */
export function Standing({ alert, nobody = 'Nobody yet' }: { alert: Alert; nobody?: string }) {
  if (alert.state === 'resolved') {
    return (
      <span className="text-ink-2">
        Over {alert.resolved_at ? <Ago at={alert.resolved_at} /> : null}
        {alert.resolved_cause === 'by_hand'
          ? `, said ${alert.resolved_by_name ?? 'somebody'}`
          : alert.resolved_cause
            ? `: ${causeText(alert.resolved_cause)}`
            : null}
      </span>
    )
  }
  if (alert.acknowledged_at) {
    return (
      <span className="text-ink-2" title={alert.ack_note || undefined}>
        {alert.acknowledged_by_name ?? 'Somebody'} takes care of it
      </span>
    )
  }
  return <span className="font-medium">{nobody}</span>
}
