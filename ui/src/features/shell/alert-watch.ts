/** Follows the alerts wherever one is: the title counts them, and a new one may be heard. Loaded after the page. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { alertCountsQuery, moodOf } from '@/shared/alerts/counts'
import { playTone, useAlertSound } from '@/shared/alerts/sound'
import { useTitleAlerts } from '@/shared/lib/page-title'

export default function AlertWatch(): null {
  const client = useQueryClient()
  const { data: counts } = useQuery(alertCountsQuery)
  useTitleAlerts(counts ? moodOf(counts) : 'calm', counts?.unacknowledged ?? 0)

  // The answer keeps its identity while nothing changed in it.
  const before = useRef(counts)
  useEffect(() => {
    const known = before.current
    before.current = counts
    if (!counts || !known || counts === known) return
    if (counts.open > known.open && useAlertSound.getState().on) playTone()
    void client.invalidateQueries({
      queryKey: ['alerts'],
      predicate: ({ queryKey }) => queryKey[1] !== 'counts',
    })
  }, [counts, client])
  return null
}
