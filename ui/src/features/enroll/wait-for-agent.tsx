import { Check } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import type { ConnectionEvent } from '@/shared/api/model'
import type { FleetRow } from '@/shared/fleet/store'
import { cn } from '@/shared/lib/cn'
import { useNow } from '@/shared/lib/now'
import { clock } from '@/shared/lib/time'
import { Spinner } from '@/shared/ui/button'
import { CopyButton } from '@/shared/ui/copy'

export interface Progress {
  contactedAt: number | null
  authenticatedAt: number | null
  readingsAt: number | null
  /** The newest refusal, while nothing better has happened since. */
  refused: ConnectionEvent | null
}

const time = (text: string | null | undefined): number | null => (text ? Date.parse(text) : null)

/** How far the agent has come, from the events of the server and from its live row. */
export function progressOf(
  events: readonly ConnectionEvent[],
  row: FleetRow | undefined,
): Progress {
  const ordered = [...events].sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
  const connected = ordered.find(
    (event) => event.kind === 'connected' || event.kind === 'reconnected',
  )
  const last = ordered.at(-1)
  const authenticatedAt = time(connected?.at) ?? time(row?.server.connected_since)
  const readingsAt = time(row?.server.latest?.ts)
  return {
    contactedAt: time(ordered[0]?.at) ?? authenticatedAt ?? readingsAt,
    authenticatedAt: authenticatedAt ?? readingsAt,
    readingsAt,
    refused: last?.kind === 'authentication_failed' ? last : null,
  }
}

/** After this long without any contact something is in the way. */
const PATIENCE_MS = 60_000

export function WaitForAgent({
  progress,
  checks,
}: {
  progress: Progress
  /** Likely causes when nothing comes, each with the command that tells. */
  checks: { cause: string; command: string }[]
}) {
  const now = useNow()
  const [since] = useState(now)
  const late = progress.contactedAt === null && now - since > PATIENCE_MS
  const steps: { label: string; waiting: string; at: number | null }[] = [
    { label: 'Agent made contact', waiting: 'Waiting for the agent', at: progress.contactedAt },
    { label: 'Key accepted', waiting: 'Checking its key', at: progress.authenticatedAt },
    {
      label: 'First readings arrived',
      waiting: 'Waiting for the first readings',
      at: progress.readingsAt,
    },
  ]
  const current = steps.findIndex((step) => step.at === null)
  return (
    <section aria-label="Progress" className="card p-4">
      <ol className="flex flex-col gap-3" aria-live="polite">
        {steps.map((step, index) => {
          const done = step.at !== null
          const active = index === current
          return (
            <li key={step.label} className="flex items-center gap-3">
              <span
                className={cn(
                  'grid size-6 shrink-0 place-items-center rounded-full',
                  done ? 'bg-ok-soft text-ok' : 'text-ink-3',
                )}
              >
                {done ? (
                  <Check className="size-3.5" strokeWidth={3} aria-hidden="true" />
                ) : active ? (
                  <Spinner className="text-accent" />
                ) : (
                  <span className="size-1.5 rounded-full bg-line-strong" aria-hidden="true" />
                )}
              </span>
              <span className={cn('flex-1', active ? 'font-medium' : done ? '' : 'text-ink-3')}>
                {done ? step.label : active ? `${step.waiting}…` : step.label}
              </span>
              {step.at === null ? null : (
                <time
                  dateTime={new Date(step.at).toISOString()}
                  className="tnum text-ink-3 text-xs"
                >
                  {clock(step.at)}
                </time>
              )}
            </li>
          )
        })}
      </ol>
      {progress.refused && progress.authenticatedAt === null ? (
        <p role="alert" className="mt-4 rounded-md bg-warn-soft px-3 py-2 text-warn">
          An agent called and was refused at {clock(Date.parse(progress.refused.at))}
          {progress.refused.detail
            ? `: ${progress.refused.detail}`
            : ': its key is wrong or revoked.'}
        </p>
      ) : null}
      {late ? (
        <div role="status" className="mt-4 border-line border-t pt-4">
          <p className="font-medium">Nothing has arrived for a minute. On the host, check:</p>
          <ol className="mt-2 flex flex-col gap-3">
            {checks.map(({ cause, command }) => (
              <li key={cause}>
                <p className="text-ink-2">{cause}</p>
                <div className="mt-1 flex items-center gap-2 rounded-md bg-sunken py-1 pr-1 pl-3">
                  <code className="min-w-0 flex-1 relative overflow-x-auto whitespace-pre font-mono text-xs">
                    {command}
                  </code>
                  <CopyButton iconOnly text={command} label="Copy command" />
                </div>
              </li>
            ))}
          </ol>
        </div>
      ) : null}
    </section>
  )
}

/** The first value that was not null, for as long as the component lives. */
export function useFirst(value: number | null): number | null {
  const [first, setFirst] = useState(value)
  if (first === null && value !== null) setFirst(value)
  return first ?? value
}

/** A moment to see the last tick before the page changes. */
const LINGER_MS = 1_200

/**
 * Calls `done` once when the readings begin while the page watches; not when they were there before.
 * `known`: whether it is known yet if there are any.
 */
export function useArrival(arrived: boolean, known: boolean, done: () => void): void {
  const waited = useRef(false)
  const latest = useRef(done)
  latest.current = done
  useEffect(() => {
    if (!known) return
    if (!arrived) {
      waited.current = true
      return
    }
    if (!waited.current) return
    const timer = setTimeout(() => latest.current(), LINGER_MS)
    return () => clearTimeout(timer)
  }, [arrived, known])
}
