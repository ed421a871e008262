import { type ReactNode, useRef, useState } from 'react'
import { Problem } from '@/shared/api/problem'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { Field } from '@/shared/ui/field'
import { FormProblem } from '@/shared/ui/form-problem'
import { PasswordInput } from '@/shared/ui/password-input'
import { WRONG_PASSWORD } from './ways-query'

/** Asks for the password before something that changes how one signs in. */
export function PasswordStep({
  title,
  effects,
  action,
  danger = false,
  onCancel,
  onPassword,
}: {
  title: string
  effects: ReactNode
  action: string
  danger?: boolean
  onCancel: () => void
  /** A refusal is shown here, at the field when it is about the password. */
  onPassword: (password: string) => Promise<unknown>
}) {
  const [password, setPassword] = useState('')
  const [asked, setAsked] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const input = useRef<HTMLInputElement>(null)
  const wrong = error instanceof Problem && error.code === WRONG_PASSWORD
  const fieldError =
    asked && password === ''
      ? 'Enter your password'
      : wrong
        ? 'This is not your password'
        : undefined

  const submit = async () => {
    setAsked(true)
    if (password === '') {
      input.current?.focus()
      return
    }
    if (busy) return
    setBusy(true)
    setError(null)
    try {
      await onPassword(password)
    } catch (caught) {
      setError(caught)
      input.current?.focus()
      input.current?.select()
    } finally {
      setBusy(false)
    }
  }

  return (
    <Dialog
      open
      onOpenChange={(open) => open || busy || onCancel()}
      title={title}
      initialFocus={input}
      className="max-w-md"
      footer={
        <>
          <Button onClick={onCancel}>Cancel</Button>
          <Button variant={danger ? 'danger' : 'primary'} busy={busy} onClick={() => void submit()}>
            {action}
          </Button>
        </>
      }
    >
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        <FormProblem error={wrong ? null : error} />
        <div className="text-ink-2">{effects}</div>
        <Field label="Your password" error={fieldError}>
          {(control) => (
            <PasswordInput
              {...control}
              ref={input}
              autoComplete="current-password"
              value={password}
              onChange={(event) => {
                setPassword(event.target.value)
                if (wrong) setError(null)
              }}
            />
          )}
        </Field>
      </form>
    </Dialog>
  )
}
