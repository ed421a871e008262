import { useMutation } from '@tanstack/react-query'
import { Fingerprint } from 'lucide-react'
import { lazy, type ReactNode, Suspense, useRef, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { SecondFactor } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import { passkeysWork } from '@/shared/lib/webauthn'
import { rememberSignedIn } from '@/shared/session/hint'
import { Button, buttonStyle } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { FormProblem } from '@/shared/ui/form-problem'
import { Input } from '@/shared/ui/input'
import { PasswordInput } from '@/shared/ui/password-input'
import { refusalOf } from './refusal'

const SecondStep = lazy(() => import('./second-step'))

/**
 * Name and password, and a second step where the account has one. A wrong pair keeps the name, empties the password and does not say which of the
 * two was wrong.
 */
export function LoginForm({
  username,
  provider = null,
  onDone,
  children,
}: {
  /** Given: only this user may sign in (a session that ended under an open page). */
  username?: string
  /** Where people also sign in, and the code with which that was refused. */
  provider?: { name: string; next: string; refused?: string } | null
  onDone: () => Promise<unknown> | undefined
  children?: ReactNode
}) {
  const [name, setName] = useState(username ?? '')
  const [password, setPassword] = useState('')
  const [asked, setAsked] = useState(false)
  const nameInput = useRef<HTMLInputElement>(null)
  const passwordInput = useRef<HTMLInputElement>(null)
  const [second, setSecond] = useState<SecondFactor | null>(null)
  const [ended, setEnded] = useState<Error | null>(null)

  const login = useMutation({
    mutationFn: async () => {
      setEnded(null)
      passkey.reset()
      const answer = await unwrap(
        api.POST('/api/v1/auth/login', {
          body: { username: name.trim(), password, session: 'cookie' },
        }),
      )
      if ('second_factor' in answer) setSecond(answer.second_factor)
      else await onDone()
    },
    onError: (error) => {
      if (error instanceof Problem && error.status === 401) {
        setPassword('')
        setAsked(false)
      }
      passwordInput.current?.focus()
    },
  })

  const passkey = useMutation({
    mutationFn: async () => {
      setEnded(null)
      login.reset()
      const { signInWithPasskey } = await import('./passkey-sign-in')
      await signInWithPasskey()
      await onDone()
    },
  })

  const nameError =
    asked && name.trim() === '' ? 'Enter your user name or e-mail address' : undefined
  const passwordError = asked && password === '' ? 'Enter your password' : undefined
  const refused =
    login.error instanceof Problem && login.error.status === 401
      ? new Error('User name or password is wrong.')
      : login.error

  if (second) {
    return (
      <Suspense>
        <SecondStep
          step={second}
          onDone={onDone}
          onStartAgain={(why) => {
            setSecond(null)
            setPassword('')
            setAsked(false)
            setEnded(why)
          }}
        />
      </Suspense>
    )
  }
  return (
    <form
      noValidate
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault()
        setAsked(true)
        if (name.trim() === '') nameInput.current?.focus()
        else if (password === '') passwordInput.current?.focus()
        else if (!login.isPending) login.mutate()
      }}
    >
      <FormProblem error={refused ?? ended ?? passkey.error ?? refusalOf(provider?.refused)} />
      <Field label="User name or e-mail" error={nameError}>
        {(control) => (
          <Input
            {...control}
            ref={nameInput}
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            autoFocus={username === undefined}
            readOnly={username !== undefined}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label="Password" error={passwordError}>
        {(control) => (
          <PasswordInput
            {...control}
            ref={passwordInput}
            name="password"
            autoComplete="current-password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" variant="primary" size="lg" busy={login.isPending} className="mt-1">
        Sign in
      </Button>
      {passkeysWork() ? (
        <Button size="lg" busy={passkey.isPending} onClick={() => passkey.mutate()}>
          <Fingerprint aria-hidden="true" />
          Sign in with a passkey
        </Button>
      ) : null}
      {provider ? (
        <a
          href={`/api/v1/auth/oidc/start?return_to=${encodeURIComponent(provider.next)}`}
          className={buttonStyle({ size: 'lg' })}
          // Back from there the page has to know that asking who is signed in is worth it.
          onClick={() => rememberSignedIn(true)}
        >
          {provider.name}
        </a>
      ) : null}
      {children}
    </form>
  )
}
