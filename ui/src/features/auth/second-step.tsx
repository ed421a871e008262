/** The second step of a sign-in: a code of the app, or a recovery code. Loaded when it is asked for. */
import { useMutation } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { SecondFactor } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import { Button } from '@/shared/ui/button'
import { CodeInput } from '@/shared/ui/code-input'
import { Field } from '@/shared/ui/field'
import { FormProblem } from '@/shared/ui/form-problem'
import { Input } from '@/shared/ui/input'

const WRONG_CODE = 'CO1011'
const TICKET_ENDED = 'CO1012'

export default function SecondStep({
  step,
  onDone,
  onStartAgain,
}: {
  step: SecondFactor
  onDone: () => Promise<unknown> | undefined
  /** With a reason when the step is over; without when the person wants to go back. */
  onStartAgain: (why: Error | null) => void
}) {
  const [how, setHow] = useState<'totp' | 'recovery_code'>(
    step.methods.includes('totp') ? 'totp' : 'recovery_code',
  )
  const [code, setCode] = useState('')
  const [asked, setAsked] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const app = how === 'totp'

  const sign = useMutation({
    mutationFn: async (given: string) => {
      await unwrap(
        api.POST('/api/v1/auth/login/second', {
          body: { ticket: step.ticket, ...(app ? { code: given } : { recovery_code: given }) },
        }),
      )
      await onDone()
    },
    onError: (error) => {
      if (error instanceof Problem && error.code === TICKET_ENDED) {
        onStartAgain(new Error('That took too long or was tried too often. Sign in again.'))
        return
      }
      setCode('')
      setAsked(false)
      input.current?.focus()
    },
  })
  const wrong = sign.error instanceof Problem && sign.error.code === WRONG_CODE
  const missing = app ? code.length < 6 : code.trim() === ''
  const error =
    asked && missing
      ? app
        ? 'Enter the six digits that the app shows'
        : 'Enter one of your recovery codes'
      : wrong && code === ''
        ? app
          ? 'This code is not right. Wait for the next one.'
          : 'This is not one of your codes, or it was used.'
        : undefined
  const change = (next: string) => {
    setCode(next)
    // Typed to the end, or filled in by the phone: nothing is left to decide.
    if (app && next.length === 6 && code.length < 6 && !sign.isPending) sign.mutate(next)
  }

  return (
    <form
      noValidate
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault()
        setAsked(true)
        if (missing) input.current?.focus()
        else if (!sign.isPending) sign.mutate(code.trim())
      }}
    >
      <FormProblem error={wrong ? null : sign.error} />
      <Field
        key={how}
        label={app ? 'Code from your authenticator app' : 'Recovery code'}
        hint={app ? undefined : 'It signs you in once and is then used up'}
        error={error}
      >
        {(control) =>
          app ? (
            <CodeInput {...control} ref={input} autoFocus value={code} onCode={change} />
          ) : (
            <Input
              {...control}
              ref={input}
              autoFocus
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              className="font-mono"
              value={code}
              onChange={(event) => change(event.target.value)}
            />
          )
        }
      </Field>
      <Button type="submit" variant="primary" size="lg" busy={sign.isPending} className="mt-1">
        Sign in
      </Button>
      <div className="flex flex-wrap justify-between gap-2">
        <Button variant="quiet" onClick={() => onStartAgain(null)}>
          Back
        </Button>
        {step.methods.includes('totp') && step.methods.includes('recovery_code') ? (
          <Button
            variant="quiet"
            onClick={() => {
              setHow(app ? 'recovery_code' : 'totp')
              setCode('')
              setAsked(false)
              sign.reset()
            }}
          >
            {app ? 'Use a recovery code' : 'Use the authenticator app'}
          </Button>
        ) : null}
      </div>
    </form>
  )
}
