import { X } from 'lucide-react'
import { exact } from '../lib/time'
import { Button } from '../ui/button'
import { CopyButton } from '../ui/copy'
import { plain } from './ansi'
import { alertOf, jsonOf, type LogLine } from './line'

/** Everything about one line, below the log. */
export function LineDetail({
  line,
  href,
  onClose,
  onContext,
}: {
  line: LogLine
  /** Its own address. */
  href: string | null
  onClose: () => void
  /** Shows it among its neighbours; null when it already is. */
  onContext: (() => void) | null
}) {
  const text = plain(line.text)
  const json = jsonOf(text)
  const fields = Object.entries(line.fields ?? {})
  const shown = json ? JSON.stringify(json, null, 2) : text
  return (
    <div className="flex max-h-64 min-h-24 flex-col border-line border-t">
      <div className="flex flex-wrap items-center gap-2 px-3 py-1.5 text-2xs text-ink-2">
        <span className="tnum">{line.at === null ? 'No time' : exact(line.at)}</span>
        {line.stream ? <span>{line.stream}</span> : null}
        {line.source ? <span>{line.source}</span> : null}
        {line.origin ? <span className="font-mono">{line.origin}</span> : null}
        <span className="flex-1" />
        {onContext ? (
          <Button size="sm" onClick={onContext}>
            See in context
          </Button>
        ) : null}
        {href ? (
          <a className="text-accent underline" href={href}>
            {alertOf(line) ? 'Open the alert' : 'Link to this line'}
          </a>
        ) : null}
        <CopyButton text={shown} label="Copy the line" />
        <Button variant="quiet" size="iconSm" aria-label="Close the line" onClick={onClose}>
          <X aria-hidden="true" />
        </Button>
      </div>
      {fields.length > 0 ? (
        <dl className="grid max-h-32 shrink-0 grid-cols-[auto_1fr] gap-x-3 overflow-auto px-3 pb-2 font-mono text-xs">
          {fields.map(([name, value]) => (
            <div key={name} className="contents">
              <dt className="text-ink-2">{name}</dt>
              <dd className="break-words">{value}</dd>
            </div>
          ))}
        </dl>
      ) : null}
      <pre className="min-h-0 overflow-auto whitespace-pre-wrap break-words px-3 pb-3 font-mono text-xs">
        {shown}
      </pre>
    </div>
  )
}
