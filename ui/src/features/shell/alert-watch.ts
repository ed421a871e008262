/**
 * Follows the alerts wherever one is: the title counts them, a new one may be heard, and what is on screen about alerts is
 * loaded anew when something happened to one. Loaded after the page.
 */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { ALERTS_TOPIC, alertCountsQuery, moodOf } from '@/shared/alerts/counts'
import { playTone, useAlertSound } from '@/shared/alerts/sound'
import { useTitleAlerts } from '@/shared/lib/page-title'
import { liveSocket } from '@/shared/ws/live'

/** A storm of alerts loads a page anew so often at most. */
const ONCE_IN_MS = 1_000

/** What shows alerts; rules, trials and previews do not change with them. */
const SHOWING = new Set<unknown>(['list', 'one', 'open', 'server', 'silences', 'channels'])

export default function AlertWatch(): null {
  const client = useQueryClient()
  const { data: counts } = useQuery(alertCountsQuery)
  useTitleAlerts(counts ? moodOf(counts) : 'calm', counts?.unacknowledged ?? 0)

  const reload = useRef<() => void>(undefined)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let last = Number.NEGATIVE_INFINITY
    const soon = () => {
      timer ??= setTimeout(
        () => {
          timer = undefined
          last = performance.now()
          void client.invalidateQueries({
            queryKey: ['alerts'],
            predicate: ({ queryKey }) => SHOWING.has(queryKey[1]),
          })
        },
        Math.max(0, last + ONCE_IN_MS - performance.now()),
      )
    }
    reload.current = soon
    let told = false
    const leave = liveSocket.watch(ALERTS_TOPIC, {
      take: (frame) => {
        if (frame.type !== 'alerts') return
        const { queryKey } = alertCountsQuery
        // An answer that is on its way is older than this.
        void client
          .cancelQueries({ queryKey })
          .then(() => client.setQueryData(queryKey, frame.counts))
      },
      tells: (does) => {
        // From now on they are asked for.
        if (!does) void client.invalidateQueries({ queryKey: alertCountsQuery.queryKey })
        // What happened while nothing was told is not told afterwards.
        else if (told) soon()
        told ||= does
      },
    })
    const stop = liveSocket.on({
      items: (items) => {
        if (items.some(({ k }) => k === 'alert')) soon()
      },
      resync: soon,
    })
    return () => {
      leave()
      stop()
      clearTimeout(timer)
    }
  }, [client])

  // The answer keeps its identity while nothing changed in it.
  const before = useRef(counts)
  useEffect(() => {
    const known = before.current
    before.current = counts
    if (!counts || !known || counts === known) return
    if (counts.open > known.open && useAlertSound.getState().on) playTone()
    reload.current?.()
  }, [counts])
  return null
}
