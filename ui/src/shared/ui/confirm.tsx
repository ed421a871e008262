import { type ReactNode, useState } from 'react'
import { Button } from './button'
import { Dialog } from './dialog'
import { Field } from './field'
import { Input } from './input'

/**
 * Asks before something that cannot be taken back. The button names verb and object; where
 * `typeToConfirm` is given, that text has to be typed first.
 */
export function Confirm({
  open,
  onOpenChange,
  title,
  effects,
  action,
  typeToConfirm,
  tone = 'danger',
  onConfirm,
}: {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: string
  effects: ReactNode
  action: string
  typeToConfirm?: string
  /** Primary: nothing is lost by it. */
  tone?: 'danger' | 'primary'
  /** Resolves when done; the dialog then closes. A rejection is shown in the dialog. */
  onConfirm: () => Promise<unknown>
}) {
  const [typed, setTyped] = useState('')
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<string | null>(null)
  const ready = typeToConfirm === undefined || typed.trim() === typeToConfirm

  const change = (next: boolean) => {
    if (busy) return
    setTyped('')
    setFailure(null)
    onOpenChange(next)
  }

  const run = async () => {
    setBusy(true)
    setFailure(null)
    try {
      await onConfirm()
      setTyped('')
      onOpenChange(false)
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error))
    } finally {
      setBusy(false)
    }
  }

  return (
    <Dialog
      open={open}
      onOpenChange={change}
      title={title}
      footer={
        <>
          <Button onClick={() => change(false)}>Cancel</Button>
          <Button variant={tone} disabled={!ready} busy={busy} onClick={run}>
            {action}
          </Button>
        </>
      }
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          if (ready && !busy) void run()
        }}
      >
        <div className="text-ink-2">{effects}</div>
        {typeToConfirm ? (
          <Field
            label={
              <span>
                Type <b className="font-semibold">{typeToConfirm}</b> to confirm
              </span>
            }
          >
            {(control) => (
              <Input
                {...control}
                value={typed}
                autoComplete="off"
                spellCheck={false}
                onChange={(event) => setTyped(event.target.value)}
              />
            )}
          </Field>
        ) : null}
        {failure ? (
          <p role="alert" className="rounded-md bg-bad-soft px-3 py-2 text-bad">
            {failure}
          </p>
        ) : null}
      </form>
    </Dialog>
  )
}
