/** What one entry says, and what it changed. Loaded when one is opened. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { AuditDetail } from '@/shared/api/model'
import { exact } from '@/shared/lib/time'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { Loaded } from '@/shared/ui/loaded'
import { entryQuery } from './audit-query'
import { changesOf, type Fact } from './changes'
import { Hex } from './verification'

export default function EntryDetail({ seq, onClose }: { seq: number; onClose: () => void }) {
  const query = useQuery(entryQuery(seq))
  return (
    <Dialog
      open
      onOpenChange={(open) => open || onClose()}
      title={`Entry ${seq}`}
      className="max-w-2xl"
      footer={<Button onClick={onClose}>Close</Button>}
    >
      <Loaded query={query} what="The entry could not be loaded">
        {(detail) => <Detail detail={detail} />}
      </Loaded>
    </Dialog>
  )
}

const EVENT: Record<string, string> = {
  gone: 'The event itself is no longer kept: its time has ended. The entry still proves it.',
  differs: 'What is stored as this event is not what the entry was made from.',
}

function Detail({ detail }: { detail: AuditDetail }) {
  const { entry } = detail
  const note = EVENT[detail.event]
  return (
    <div className="flex flex-col gap-5">
      {note ? (
        <p
          className={
            detail.event === 'differs'
              ? 'rounded-md bg-bad-soft px-3 py-2 text-bad'
              : 'rounded-md bg-sunken px-3 py-2 text-ink-2'
          }
        >
          {note}
        </p>
      ) : null}
      <Changes facts={changesOf(detail.before, detail.after)} />
      <dl className="grid gap-x-4 gap-y-1.5 text-xs sm:grid-cols-[auto_1fr]">
        {(
          [
            ['When', exact(Date.parse(entry.at))],
            ['Who', entry.actor_name ? `${entry.actor_name} (${entry.actor})` : entry.actor],
            ['What', entry.action],
            ['On', <Target key="target" entry={entry} />],
            ['From', entry.address ?? 'no address'],
            ['Result', entry.result],
            ['Event', `${entry.source.stream} ${entry.source.seq}`],
            ...(entry.cause ? [['Caused by', entry.cause] as const] : []),
          ] as const
        ).map(([label, value]) => (
          <div key={label} className="contents">
            <dt className="text-ink-3">{label}</dt>
            <dd className="tnum break-all">{value}</dd>
          </div>
        ))}
        <Hex label="Digest" value={entry.digest} />
        <Hex label="Leaf" value={entry.leaf} />
      </dl>
    </div>
  )
}

/** What it was done to; a command has a page of its own. */
function Target({ entry }: { entry: AuditDetail['entry'] }) {
  const text = entry.target_name ? `${entry.target_name} (${entry.target})` : entry.target
  const [kind, id] = entry.target.split(':')
  return kind === 'command' && id ? (
    <Link to="/commands/$commandId" params={{ commandId: id }} className="text-accent underline">
      {text}
    </Link>
  ) : (
    text
  )
}

function Changes({ facts }: { facts: readonly Fact[] }) {
  if (facts.length === 0) {
    return <p className="text-ink-2">It changed nothing that is kept.</p>
  }
  return (
    <div className="relative overflow-x-auto rounded-lg border border-line">
      <table aria-label="What changed" className="w-full text-left text-xs">
        <thead>
          <tr className="h-8 text-2xs text-ink-3">
            <th scope="col" className="px-3 font-medium">
              Field
            </th>
            <th scope="col" className="px-3 font-medium">
              Before
            </th>
            <th scope="col" className="px-3 font-medium">
              After
            </th>
          </tr>
        </thead>
        <tbody>
          {facts.map((fact) => (
            <tr key={fact.field} className="border-line border-t align-top">
              <th scope="row" className="px-3 py-1.5 font-medium">
                {fact.field}
              </th>
              <td
                className={
                  fact.changed
                    ? 'break-all px-3 py-1.5 text-ink-2 line-through decoration-ink-3'
                    : 'break-all px-3 py-1.5 text-ink-2'
                }
              >
                {fact.before}
              </td>
              <td
                className={
                  fact.changed
                    ? 'break-all px-3 py-1.5 font-medium'
                    : 'break-all px-3 py-1.5 text-ink-2'
                }
              >
                {fact.after}
                {fact.changed ? <span className="sr-only"> (changed)</span> : null}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
