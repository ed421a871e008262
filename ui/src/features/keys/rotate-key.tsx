/** Replaces a key without a gap: a new one now, the old one works on for a while. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { ApiKey, IssuedKey } from '@/shared/api/model'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { Field } from '@/shared/ui/field'
import { Select } from '@/shared/ui/select'
import { ShownOnce } from '@/shared/ui/shown-once'
import { Ago } from '@/shared/ui/time'

const HOUR_S = 3_600
const OVERLAPS: [number, string][] = [
  [HOUR_S, 'an hour'],
  [24 * HOUR_S, 'a day'],
  [7 * 24 * HOUR_S, 'a week'],
  [30 * 24 * HOUR_S, '30 days'],
  [0, 'not at all: it ends at once'],
]

export default function RotateKey({ entry, onClose }: { entry: ApiKey; onClose: () => void }) {
  const [overlap, setOverlap] = useState(24 * HOUR_S)
  const [issued, setIssued] = useState<IssuedKey | null>(null)
  const rotate = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST('/api/v1/api-keys/{id}/rotate', {
          params: { path: { id: entry.id } },
          body: { overlap_s: overlap },
        }),
      ),
    onSuccess: setIssued,
  })

  if (issued) {
    return (
      <Dialog
        open
        onOpenChange={(open) => open || onClose()}
        dismissable={false}
        title="Your new key"
        description="It is shown this once. Only its hash is kept."
        footer={
          <Button variant="primary" onClick={onClose}>
            I have saved it
          </Button>
        }
      >
        <ShownOnce secret={issued.key} testId="issued-key" />
        <p className="mt-3 text-ink-2">
          Put it in the agent’s configuration on the host and restart the agent.{' '}
          {overlap > 0 && issued.replaces ? (
            <>
              The old key works on and ends <Ago at={issued.replaces.expires_at} />.
            </>
          ) : (
            'The old key has ended: its agent is disconnected until it has this one.'
          )}
        </p>
      </Dialog>
    )
  }
  return (
    <Dialog
      open
      onOpenChange={(open) => open || rotate.isPending || onClose()}
      title={`Replace the key ${entry.name || entry.id}?`}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" busy={rotate.isPending} onClick={() => rotate.mutate()}>
            Make the new key
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        {rotate.error ? (
          <p role="alert" className="rounded-md bg-bad-soft px-3 py-2 text-bad">
            {rotate.error.message}
          </p>
        ) : null}
        <p className="text-ink-2">
          You get a new key now. The old one works on for a while, so that no reading is lost until
          the host has the new one.
        </p>
        <Field label="The old key works on for">
          {(control) => (
            <Select
              {...control}
              value={overlap}
              onChange={(event) => setOverlap(Number(event.target.value))}
            >
              {OVERLAPS.map(([seconds, label]) => (
                <option key={seconds} value={seconds}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </div>
    </Dialog>
  )
}
