/** Adds a passkey: a name and the password, then the browser's own dialog. Loaded when opened. */
import { useId, useRef, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import { Problem } from '@/shared/api/problem'
import { createPasskey } from '@/shared/lib/webauthn'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { Field } from '@/shared/ui/field'
import { FormProblem } from '@/shared/ui/form-problem'
import { Input } from '@/shared/ui/input'
import { PasswordInput } from '@/shared/ui/password-input'
import { WRONG_PASSWORD } from './ways-query'

export default function AddPasskey({
  withPassword,
  onClose,
}: {
  /** The account has a password, so it is asked for. */
  withPassword: boolean
  onClose: (added: string | null) => void
}) {
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [asked, setAsked] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  // The button stands outside: without one, Enter does nothing in a form of two fields.
  const formId = useId()
  const nameInput = useRef<HTMLInputElement>(null)
  const passwordInput = useRef<HTMLInputElement>(null)
  const problem = error instanceof Problem ? error : null
  const wrong = problem?.code === WRONG_PASSWORD
  const named = wrong || problem?.field('name') !== undefined
  const noPassword = withPassword && password === ''

  const submit = async () => {
    setAsked(true)
    if (name.trim() === '') {
      nameInput.current?.focus()
      return
    }
    if (noPassword) {
      passwordInput.current?.focus()
      return
    }
    if (busy) return
    setBusy(true)
    setError(null)
    try {
      const { ticket, options } = await unwrap(
        api.POST('/api/v1/auth/passkeys/register/start', {
          body: withPassword ? { password } : {},
        }),
      )
      const credential = await createPasskey(options)
      await unwrap(
        api.POST('/api/v1/auth/passkeys/register/finish', {
          body: {
            ticket,
            name: name.trim(),
            credential: credential as unknown as Record<string, never>,
          },
        }),
      )
      onClose(name.trim())
    } catch (caught) {
      setError(caught)
    } finally {
      setBusy(false)
    }
  }

  return (
    <Dialog
      open
      onOpenChange={(open) => open || busy || onClose(null)}
      title="Add a passkey"
      className="max-w-md"
      initialFocus={nameInput}
      footer={
        <>
          <Button onClick={() => onClose(null)}>Cancel</Button>
          <Button type="submit" form={formId} variant="primary" busy={busy}>
            Continue
          </Button>
        </>
      }
    >
      <form
        id={formId}
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        <FormProblem error={named ? null : error} />
        <p className="text-ink-2">
          Your browser will ask where to keep it: this device, your phone or a security key.
        </p>
        <Field
          label="Name"
          hint="To know it later, for example laptop"
          error={asked && name.trim() === '' ? 'Give it a name' : problem?.field('name')}
        >
          {(control) => (
            <Input
              {...control}
              ref={nameInput}
              maxLength={64}
              autoComplete="off"
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        {withPassword ? (
          <Field
            label="Your password"
            error={
              asked && noPassword
                ? 'Enter your password'
                : wrong
                  ? 'This is not your password'
                  : undefined
            }
          >
            {(control) => (
              <PasswordInput
                {...control}
                ref={passwordInput}
                autoComplete="current-password"
                value={password}
                onChange={(event) => {
                  setPassword(event.target.value)
                  if (wrong) setError(null)
                }}
              />
            )}
          </Field>
        ) : null}
      </form>
    </Dialog>
  )
}
