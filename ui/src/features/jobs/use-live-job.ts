/** Keeps the job on screen as it is: told by its live topic, asked for while that tells nothing. */
import { useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { liveSocket } from '@/shared/ws/live'
import { hasEnds, merged } from './hosts'
import { hostsQuery, jobQuery, topicOf } from './jobs-query'

/** Outputs are compared by the server: often enough while servers end one after the other. */
const OUTPUTS_MS = 1_000

export function useLiveJob(id: string, over: boolean): void {
  const client = useQueryClient()
  useEffect(() => {
    if (over) return
    const job = jobQuery(id).queryKey
    const rows = hostsQuery(id, false).queryKey
    let outputs: ReturnType<typeof setTimeout> | undefined
    const leave = liveSocket.watch(topicOf(id), {
      take: (frame) => {
        if (frame.type !== 'job') return
        // Answers that are on their way are older.
        void client.cancelQueries({ queryKey: job })
        client.setQueryData(job, frame.job)
        const now = merged(client.getQueryData(rows), frame.hosts, frame.hidden)
        client.setQueryData(rows, now)
        // An answer that is on its way may be older than these rows: it is asked for once more.
        if (!hasEnds(now.hosts) && client.isFetching({ queryKey: rows }) === 0) return
        outputs ??= setTimeout(() => {
          outputs = undefined
          void client.invalidateQueries({ queryKey: rows })
        }, OUTPUTS_MS)
      },
      tells: (does) => {
        if (does) return
        void client.invalidateQueries({ queryKey: job })
        void client.invalidateQueries({ queryKey: rows })
      },
    })
    return () => {
      clearTimeout(outputs)
      leave()
    }
  }, [id, over, client])
}
