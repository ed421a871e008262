import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Button } from '@/shared/ui/button'
import { Confirm } from '@/shared/ui/confirm'
import { act, containersQuery } from './queries'
import { ACTION_TEXT, type Action } from './state'

const OFFERED: Action[] = ['start', 'stop', 'restart']

/** One action on many containers, one after the other; what fails is named with the engine's words. */
export function Bulk({
  server,
  names,
  onDone,
}: {
  server: string
  names: string[]
  onDone: () => void
}) {
  const client = useQueryClient()
  const [asked, setAsked] = useState<Action | null>(null)
  const [progress, setProgress] = useState('')
  const count = `${names.length} ${names.length === 1 ? 'container' : 'containers'}`

  const run = async (action: Action) => {
    const failed: string[] = []
    for (const [index, name] of names.entries()) {
      setProgress(`${index + 1} of ${names.length}: ${name}`)
      try {
        await act(server, name, action)
      } catch (error) {
        failed.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    setProgress('')
    void client.invalidateQueries({ queryKey: containersQuery(server).queryKey })
    if (failed.length > 0) throw new Error(failed.join('\n'))
    onDone()
  }
  if (names.length === 0) return null
  return (
    <div className="card mb-3 flex flex-wrap items-center gap-2 px-3 py-2">
      <span className="font-medium">{count} chosen</span>
      {OFFERED.map((action) => (
        <Button key={action} size="sm" onClick={() => setAsked(action)}>
          {ACTION_TEXT[action]}
        </Button>
      ))}
      <Button size="sm" variant="quiet" onClick={onDone}>
        Choose none
      </Button>
      <span role="status" className="text-ink-2">
        {progress}
      </span>
      {asked ? (
        <Confirm
          open
          onOpenChange={(open) => {
            if (!open) setAsked(null)
          }}
          title={`${ACTION_TEXT[asked]} ${count}?`}
          effects={names.join(', ')}
          action={`${ACTION_TEXT[asked]} ${count}`}
          tone={asked === 'start' ? 'primary' : 'danger'}
          onConfirm={() => run(asked)}
        />
      ) : null}
    </div>
  )
}
