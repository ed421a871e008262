/** A silence in few words, the same on the page of an alert and in the list. */
import type { Silence } from '@/shared/api/model'
import { useFleetSnapshot } from '@/shared/fleet/fleet'
import { exact } from '@/shared/lib/time'
import { Ago } from '@/shared/ui/time'
import { scopeText, stretchText } from './rule-words'

export function SilenceLine({ silence }: { silence: Silence }) {
  const { byId } = useFleetSnapshot()
  return (
    <>
      <span className="block break-words font-medium">{silence.reason}</span>
      <span className="block break-words text-ink-2 text-xs">
        {scopeText(silence.scope, (id) => byId.get(id)?.server.name ?? id)}
        {silence.rules.length > 0 ? `, ${silence.rules.length} of the rules` : ''} ·{' '}
        <SilenceWhen silence={silence} /> · by {silence.saved_by_name ?? 'somebody who is gone'}
      </span>
    </>
  )
}

export function SilenceWhen({ silence }: { silence: Silence }) {
  const { times, now, next } = silence
  const at = (moment: string) => <span className="tnum">{exact(Date.parse(moment))}</span>
  if ('recurring' in times) {
    const { cron, zone, stretch_ms } = times.recurring
    return (
      <>
        <code className="font-mono">{cron}</code> in {zone}, {stretchText(stretch_ms)} each
        {now ? (
          <>, now until {at(now.until)}</>
        ) : next ? (
          <>
            , next <Ago at={next.from} />
          </>
        ) : null}
      </>
    )
  }
  if (silence.state === 'planned') {
    return (
      <>
        from {at(times.once.from)} until {at(times.once.until)}
      </>
    )
  }
  return <>until {at(times.once.until)}</>
}
