/** Turns the second step on: password, QR code and a first code, recovery codes. Loaded when opened. */
import { useRef, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { Authenticator } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import { Button } from '@/shared/ui/button'
import { CodeInput } from '@/shared/ui/code-input'
import { CopyButton } from '@/shared/ui/copy'
import { Dialog } from '@/shared/ui/dialog'
import { Field } from '@/shared/ui/field'
import { FormProblem } from '@/shared/ui/form-problem'
import { PasswordStep } from './password-step'
import { QrCode } from './qr-code'
import { RecoveryCodes } from './recovery-codes'
import { WRONG_CODE } from './ways-query'

export default function TurnOnTotp({ onClose }: { onClose: (changed: boolean) => void }) {
  const [authenticator, setAuthenticator] = useState<Authenticator | null>(null)
  const [codes, setCodes] = useState<readonly string[] | null>(null)

  if (codes) {
    return (
      <Dialog
        open
        onOpenChange={() => undefined}
        dismissable={false}
        title="Two-step sign-in is on"
        footer={
          <Button variant="primary" onClick={() => onClose(true)}>
            I have saved them
          </Button>
        }
      >
        <RecoveryCodes codes={codes} />
      </Dialog>
    )
  }
  if (!authenticator) {
    return (
      <PasswordStep
        title="Turn on two-step sign-in"
        effects="After your password you will be asked for a code from an app on your phone. Have the app ready."
        action="Continue"
        onCancel={() => onClose(false)}
        onPassword={async (password) => {
          setAuthenticator(await unwrap(api.POST('/api/v1/auth/totp', { body: { password } })))
        }}
      />
    )
  }
  return (
    <FirstCode authenticator={authenticator} onCancel={() => onClose(false)} onCodes={setCodes} />
  )
}

function FirstCode({
  authenticator,
  onCancel,
  onCodes,
}: {
  authenticator: Authenticator
  onCancel: () => void
  onCodes: (codes: readonly string[]) => void
}) {
  const [code, setCode] = useState('')
  const [busy, setBusy] = useState(false)
  const [asked, setAsked] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const input = useRef<HTMLInputElement>(null)
  const wrong = error instanceof Problem && error.code === WRONG_CODE
  const submit = async () => {
    setAsked(true)
    if (code.length < 6) {
      input.current?.focus()
      return
    }
    if (busy) return
    setBusy(true)
    setError(null)
    try {
      const answer = await unwrap(api.POST('/api/v1/auth/totp/confirm', { body: { code } }))
      onCodes(answer.recovery_codes)
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
      title="Scan this with your authenticator app"
      initialFocus={input}
      footer={
        <>
          <Button onClick={onCancel}>Cancel</Button>
          <Button variant="primary" busy={busy} onClick={() => void submit()}>
            Turn on
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
        <div className="flex flex-wrap items-center gap-4">
          <QrCode text={authenticator.uri} className="size-48 shrink-0 rounded-md" />
          <div className="min-w-0 flex-1 basis-48">
            <p className="text-ink-2">No camera? Type this into the app instead:</p>
            <div className="mt-1.5 flex items-center gap-1 rounded-md border border-line bg-sunken py-1 pr-1 pl-3">
              <code data-testid="totp-secret" className="min-w-0 flex-1 font-mono text-xs">
                {authenticator.secret.replaceAll(/(.{4})(?=.)/g, '$1 ')}
              </code>
              <CopyButton iconOnly text={authenticator.secret} label="Copy the secret" />
            </div>
          </div>
        </div>
        <Field
          label="Code from the app"
          hint="Six digits that change every 30 seconds"
          error={
            asked && code.length < 6
              ? 'Enter the six digits that the app shows'
              : wrong
                ? 'This code is not right. Wait for the next one; if it fails again, check the clock of your phone.'
                : undefined
          }
        >
          {(control) => (
            <CodeInput
              {...control}
              ref={input}
              value={code}
              onCode={(next) => {
                setCode(next)
                if (wrong) setError(null)
              }}
            />
          )}
        </Field>
      </form>
    </Dialog>
  )
}
