import { ShieldQuestion } from 'lucide-react'
import { Button } from './button'
import { Ago } from './time'

export type Verdict = 'approve' | 'deny'

/** Something that waits for a second person: who wants it, until when, and the two answers. */
export function Approval({
  who,
  asked,
  until,
  own,
  mayDecide,
  busy,
  onDecide,
}: {
  /** Who wants it; null: nobody knows their name any more. */
  who: string | null
  asked: string
  until: string | null
  /** It is this person who wants it. */
  own: boolean
  mayDecide: boolean
  busy: Verdict | null
  onDecide: (verdict: Verdict) => void
}) {
  return (
    <section
      aria-label="Approval"
      className="flex flex-wrap items-center gap-x-4 gap-y-2 rounded-lg border border-line bg-warn-soft px-3 py-2.5"
    >
      <ShieldQuestion aria-hidden="true" className="size-5 shrink-0 text-warn" />
      <div className="min-w-0 flex-1 basis-64">
        <p className="font-medium">
          {own
            ? 'Another person has to approve this'
            : `${who ?? 'Somebody'} asks for a second person`}
        </p>
        <p className="text-ink-2 text-xs">
          {own ? 'You asked for it, so you cannot approve it yourself. Asked ' : 'Asked '}
          <Ago at={asked} />
          {until ? (
            <>
              . Undecided, it is denied <Ago at={until} />
            </>
          ) : null}
          .
        </p>
      </div>
      {own || !mayDecide ? null : (
        <div className="flex gap-2">
          <Button variant="primary" busy={busy === 'approve'} onClick={() => onDecide('approve')}>
            Approve
          </Button>
          <Button variant="dangerQuiet" busy={busy === 'deny'} onClick={() => onDecide('deny')}>
            Deny
          </Button>
        </div>
      )}
    </section>
  )
}
