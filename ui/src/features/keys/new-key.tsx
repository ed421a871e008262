/** Makes a key and shows it this once. Loaded when it is first opened. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { IssuedKey } from '@/shared/api/model'
import { serverNow } from '@/shared/lib/now'
import { day } from '@/shared/lib/time'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { Field } from '@/shared/ui/field'
import { Input } from '@/shared/ui/input'
import { Select } from '@/shared/ui/select'
import { ShownOnce } from '@/shared/ui/shown-once'
import { toastProblem } from '@/shared/ui/toast'

const DAY_MS = 86_400_000
/** 0: never. */
const DAYS = [0, 30, 90, 365]

export default function NewKey({ server, onClose }: { server: string; onClose: () => void }) {
  const [name, setName] = useState('')
  const [days, setDays] = useState(0)
  const [issued, setIssued] = useState<IssuedKey | null>(null)
  const ends = serverNow() + days * DAY_MS
  const create = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST('/api/v1/api-keys', {
          body: {
            server_id: server,
            name: name.trim() || undefined,
            expires_at: days === 0 ? undefined : new Date(ends).toISOString(),
          },
        }),
      ),
    onSuccess: setIssued,
    onError: (error) => toastProblem('No key was made', error),
  })
  return (
    <Dialog
      open
      onOpenChange={(open) => open || onClose()}
      title={issued ? 'Your new key' : 'New API key'}
      description={issued ? 'It is shown this once. Only its hash is kept.' : undefined}
      dismissable={issued === null}
      footer={
        issued ? (
          <Button variant="primary" onClick={onClose}>
            I have saved it
          </Button>
        ) : (
          <>
            <Button onClick={onClose}>Cancel</Button>
            <Button variant="primary" busy={create.isPending} onClick={() => create.mutate()}>
              Create key
            </Button>
          </>
        )
      }
    >
      {issued ? (
        <ShownOnce secret={issued.key} testId="issued-key" />
      ) : (
        <form
          className="flex flex-col gap-4"
          onSubmit={(event) => {
            event.preventDefault()
            if (!create.isPending) create.mutate()
          }}
        >
          <Field
            label="Name"
            optional
            hint="To tell keys apart, for example by where they are used"
          >
            {(control) => (
              <Input
                {...control}
                maxLength={64}
                value={name}
                onChange={(event) => setName(event.target.value)}
              />
            )}
          </Field>
          <Field
            label="Ends"
            hint={
              days === 0
                ? 'It works until somebody revokes it'
                : `On ${day(ends)}; its agent is disconnected then`
            }
          >
            {(control) => (
              <Select
                {...control}
                value={days}
                onChange={(event) => setDays(Number(event.target.value))}
              >
                {DAYS.map((count) => (
                  <option key={count} value={count}>
                    {count === 0 ? 'never' : count === 365 ? 'in a year' : `in ${count} days`}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        </form>
      )}
    </Dialog>
  )
}
