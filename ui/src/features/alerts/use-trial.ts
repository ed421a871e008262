/** Tries a rule on one server after the other, so that the page shows how far it is and can be told to stop. */
import { useEffect, useRef, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { TrialServer } from '@/shared/api/model'

export type Trial = {
  wording: string
  window: { from: number; to: number }
  /** Servers that are or were to be tried. */
  many: number
  /** What was found so far, in the order of the servers. */
  found: TrialServer[]
  state: 'running' | 'done' | 'stopped' | 'failed'
  error: unknown
}

export function useTrial() {
  const [trial, setTrial] = useState<Trial | null>(null)
  const running = useRef<AbortController>(null)
  useEffect(() => () => running.current?.abort(), [])

  async function begin(wording: string, window: Trial['window'], servers: string[]) {
    running.current?.abort()
    const control = new AbortController()
    running.current = control
    const found: TrialServer[] = []
    const show = (state: Trial['state'], error: unknown = null) => {
      if (running.current !== control) return
      setTrial({ wording, window, many: servers.length, found: [...found], state, error })
    }
    show('running')
    try {
      for (const id of servers) {
        const answer = await unwrap(
          api.POST('/api/v1/alerts/rules/trial', {
            body: {
              wording,
              server_ids: [id],
              from: new Date(window.from).toISOString(),
              to: new Date(window.to).toISOString(),
            },
            signal: control.signal,
          }),
        )
        found.push(...answer.servers)
        show('running')
      }
      show('done')
    } catch (error) {
      show(control.signal.aborted ? 'stopped' : 'failed', error)
    }
  }

  return { trial, begin, stop: () => running.current?.abort() }
}
