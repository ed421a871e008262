import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Button } from '@/shared/ui/button'
import { Confirm } from '@/shared/ui/confirm'
import { toast, toastProblem } from '@/shared/ui/toast'
import { act, containersQuery } from './queries'
import { ACTION_TEXT, type Action, actionsFor } from './state'

const EFFECTS: Partial<Record<Action, string>> = {
  stop: 'It is asked to end, and killed after ten seconds if it does not.',
  restart: 'It is not reachable until it runs again.',
  kill: 'It ends at once, without the time to save anything.',
  remove: 'It and what it wrote outside of its volumes are deleted. Volumes stay.',
}

/** What can be done with one container. What interrupts it asks first; a failure is the engine's own text. */
export function ActionButtons({
  server,
  name,
  state,
}: {
  server: string
  name: string
  state: string
}) {
  const client = useQueryClient()
  const [busy, setBusy] = useState<Action | null>(null)
  const [asked, setAsked] = useState<Action | null>(null)

  const run = async (action: Action) => {
    setBusy(action)
    try {
      await act(server, name, action)
      toast({ tone: 'ok', title: `${ACTION_TEXT[action]}: ${name}` })
    } finally {
      setBusy(null)
      void client.invalidateQueries({ queryKey: containersQuery(server).queryKey })
    }
  }
  return (
    <span className="flex flex-wrap gap-1">
      {actionsFor(state).map((action) => (
        <Button
          key={action}
          size="sm"
          variant={action === 'remove' || action === 'kill' ? 'dangerQuiet' : 'outline'}
          busy={busy === action}
          disabled={busy !== null}
          aria-label={`${ACTION_TEXT[action]} ${name}`}
          onClick={() => {
            if (EFFECTS[action]) setAsked(action)
            else run(action).catch((error) => toastProblem(`${name} was not changed`, error))
          }}
        >
          {ACTION_TEXT[action]}
        </Button>
      ))}
      {asked ? (
        <Confirm
          open
          onOpenChange={(open) => {
            if (!open) setAsked(null)
          }}
          title={`${ACTION_TEXT[asked]} ${name}?`}
          effects={EFFECTS[asked]}
          action={`${ACTION_TEXT[asked]} ${name}`}
          typeToConfirm={asked === 'remove' ? name : undefined}
          onConfirm={() => run(asked)}
        />
      ) : null}
    </span>
  )
}
