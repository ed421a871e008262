/** The count beside "Alerts" in the navigation. Loaded after the page. */
import { useQuery } from '@tanstack/react-query'
import { alertCountsQuery, moodOf } from '@/shared/alerts/counts'
import { plural } from '@/shared/lib/format'
import type { PageMood } from '@/shared/lib/page-title'
import { Badge } from '@/shared/ui/badge'
import type { Tone } from '@/shared/ui/status-dot'

const MOOD_TONE: Record<PageMood, Tone> = { calm: 'accent', warn: 'warn', bad: 'bad' }

/** How many nobody takes care of, in the colour of the worst that is open. */
export default function OpenAlerts() {
  const { data: counts } = useQuery(alertCountsQuery)
  if (!counts || counts.open === 0) return null
  const { unacknowledged, open } = counts
  return (
    <Badge
      tone={unacknowledged === 0 ? 'plain' : MOOD_TONE[moodOf(counts)]}
      className="tnum ml-auto"
      title={`${plural(open, 'open alert')}, ${unacknowledged} not acknowledged`}
    >
      {unacknowledged || open}
      <span className="sr-only">
        {unacknowledged > 0 ? 'not acknowledged' : 'open, all acknowledged'}
      </span>
    </Badge>
  )
}
