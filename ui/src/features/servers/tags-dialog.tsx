/** Adds and removes tags on all chosen servers. Loaded when it is first opened. */
import { useState } from 'react'
import { toProblem } from '@/shared/api/problem'
import type { FleetRow } from '@/shared/fleet/store'
import { plural } from '@/shared/lib/format'
import { tagsOf } from '@/shared/servers/server-fields'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { Field } from '@/shared/ui/field'
import { Input } from '@/shared/ui/input'
import { toast } from '@/shared/ui/toast'
import { applyTags, type Outcome, reversed, type Target, targetsOf } from './tag-change'

const MOST_FAILURES = 5

export default function TagsDialog({
  chosen,
  onClose,
}: {
  chosen: readonly FleetRow[]
  onClose: () => void
}) {
  const [text, setText] = useState('')
  const [remove, setRemove] = useState<readonly string[]>([])
  const [progress, setProgress] = useState<{ done: number; of: number } | null>(null)
  const [failed, setFailed] = useState<Outcome['failed']>([])

  const counts = new Map<string, number>()
  for (const { server } of chosen) {
    for (const tag of server.tags) counts.set(tag, (counts.get(tag) ?? 0) + 1)
  }
  const present = [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))
  const targets = targetsOf(
    chosen.map((row) => row.server),
    { add: tagsOf(text), remove },
  )

  const run = async (what: readonly Target[]) => {
    if (progress || what.length === 0) return
    setFailed([])
    setProgress({ done: 0, of: what.length })
    const outcome = await applyTags(what, (done) => setProgress({ done, of: what.length }))
    setProgress(null)
    if (outcome.done.length > 0) sayChanged(outcome.done)
    if (outcome.failed.length > 0) setFailed(outcome.failed)
    else onClose()
  }

  return (
    <Dialog
      open
      onOpenChange={(open) => open || progress || onClose()}
      title={`Change tags of ${plural(chosen.length, 'server')}`}
      footer={
        <>
          <Button disabled={progress !== null} onClick={onClose}>
            {failed.length > 0 ? 'Close' : 'Cancel'}
          </Button>
          {failed.length > 0 ? (
            <Button
              variant="primary"
              busy={progress !== null}
              onClick={() => void run(failed.map((entry) => entry.target))}
            >
              Retry the {failed.length} that failed
            </Button>
          ) : (
            <Button
              variant="primary"
              disabled={targets.length === 0}
              busy={progress !== null}
              onClick={() => void run(targets)}
            >
              {targets.length === 0 ? 'Change tags' : `Change ${plural(targets.length, 'server')}`}
            </Button>
          )}
        </>
      }
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          void run(targets)
        }}
      >
        <Field label="Add" hint="Separated by commas, for example prod, frankfurt">
          {(control) => (
            <Input
              {...control}
              value={text}
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => setText(event.target.value)}
            />
          )}
        </Field>
        {present.length > 0 ? (
          <fieldset>
            <legend className="font-medium">Remove</legend>
            <div className="mt-1.5 flex max-h-40 flex-wrap gap-x-4 gap-y-1 overflow-y-auto">
              {present.map(([tag, count]) => (
                <label
                  key={tag}
                  className="flex min-h-7 cursor-pointer items-center gap-2 touch:min-h-11"
                >
                  <input
                    type="checkbox"
                    className="size-4 accent-(--accent)"
                    checked={remove.includes(tag)}
                    onChange={(event) =>
                      setRemove(
                        event.target.checked
                          ? [...remove, tag]
                          : remove.filter((other) => other !== tag),
                      )
                    }
                  />
                  {tag}
                  <span className="tnum text-ink-3 text-xs">{count.toLocaleString('en')}</span>
                </label>
              ))}
            </div>
          </fieldset>
        ) : null}
        <p role="status" className="text-ink-2 text-xs empty:hidden">
          {progress ? `${progress.done} of ${progress.of} done` : ''}
        </p>
        {failed.length > 0 ? (
          <div role="alert" className="rounded-md bg-bad-soft px-3 py-2 text-bad">
            <p className="font-medium">{plural(failed.length, 'server')} did not change:</p>
            <ul className="mt-1 list-disc pl-5">
              {failed.slice(0, MOST_FAILURES).map(({ target, error }) => (
                <li key={target.id}>
                  {target.name}: {toProblem(error).message}
                </li>
              ))}
              {failed.length > MOST_FAILURES ? (
                <li>and {failed.length - MOST_FAILURES} more</li>
              ) : null}
            </ul>
          </div>
        ) : null}
      </form>
    </Dialog>
  )
}

function sayChanged(done: readonly Target[]): void {
  toast({
    tone: 'ok',
    title: `Tags of ${plural(done.length, 'server')} changed`,
    action: {
      label: 'Undo',
      run: () =>
        void applyTags(reversed(done), () => undefined).then(({ failed }) => {
          toast(
            failed.length === 0
              ? { tone: 'ok', title: 'The tags are as before' }
              : {
                  tone: 'bad',
                  title: `${plural(failed.length, 'server')} kept the new tags`,
                  detail: toProblem(failed[0]?.error).message,
                },
          )
        }),
    },
  })
}
