/** Asks for a few words before something is done with alerts. Loaded when first opened. */
import { useState } from 'react'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { Field } from '@/shared/ui/field'
import { TextArea } from '@/shared/ui/text-area'

const MOST = 2000

export default function AskNote({
  title,
  effects,
  action,
  onClose,
  onDone,
}: {
  title: string
  effects: string
  action: string
  onClose: () => void
  onDone: (note: string) => void
}) {
  const [note, setNote] = useState('')
  return (
    <Dialog
      open
      onOpenChange={(open) => open || onClose()}
      title={title}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" onClick={() => onDone(note.trim())}>
            {action}
          </Button>
        </>
      }
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          onDone(note.trim())
        }}
      >
        <p className="text-ink-2">{effects}</p>
        <Field label="Note" optional hint="Everybody who sees the alert reads it">
          {(control) => (
            <TextArea
              {...control}
              rows={3}
              maxLength={MOST}
              value={note}
              onChange={(event) => setNote(event.target.value)}
            />
          )}
        </Field>
      </form>
    </Dialog>
  )
}
