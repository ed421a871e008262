import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import { Problem } from '@/shared/api/problem'
import { useForm } from '@/shared/lib/use-form'
import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { FormProblem } from '@/shared/ui/form-problem'
import { Input } from '@/shared/ui/input'
import { PasswordInput } from '@/shared/ui/password-input'
import { type AccountForm as Account, accountSchema, MIN_PASSWORD } from './account-schema'

const WRONG_SETUP_TOKEN = 'CO1007'

/** Creates an account and signs it in: the owner on the first run, anybody where that is open. */
export function AccountForm({
  setupToken,
  invitation = null,
  action,
  onDone,
}: {
  /** Null: not the first run, no token is asked for. */
  setupToken: string | null
  /** What lets somebody in where not anybody may come; its address is the account's. */
  invitation?: { token: string; email: string | null } | null
  action: string
  onDone: () => Promise<unknown> | undefined
}) {
  const first = setupToken !== null
  const create = useMutation({
    mutationFn: async (account: Account) => {
      await unwrap(
        api.POST('/api/v1/auth/register', {
          body: {
            username: account.username.trim(),
            email: account.email.trim() || undefined,
            password: account.password,
            setup_token: first ? account.setup_token.trim() : undefined,
            invitation: invitation?.token,
            session: 'cookie',
          },
        }),
      )
      await onDone()
    },
    onError: (error) => {
      if (error instanceof Problem && error.code === WRONG_SETUP_TOKEN) {
        form.setError('setup_token', 'This is not the token that was printed, or it was used')
      } else {
        form.refuse(error)
      }
    },
  })
  const [schema] = useState(() => accountSchema(first))
  const form = useForm<Account>(
    schema,
    { setup_token: setupToken ?? '', username: '', email: invitation?.email ?? '', password: '' },
    (account) => create.isPending || create.mutate(account),
  )
  const { errors } = form
  const named = Object.values(errors).some(Boolean)

  return (
    <form noValidate className="flex flex-col gap-4" onSubmit={form.submit}>
      <FormProblem error={named ? null : create.error} />
      {first ? (
        <Field
          label="Set-up token"
          hint="Printed once in the terminal where ChatOps was started"
          error={errors.setup_token}
        >
          {(control) => (
            <Input
              {...control}
              {...form.field('setup_token')}
              autoComplete="one-time-code"
              spellCheck={false}
              className="font-mono"
              autoFocus={setupToken === ''}
            />
          )}
        </Field>
      ) : null}
      <Field label="User name" error={errors.username}>
        {(control) => (
          <Input
            {...control}
            {...form.field('username')}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            autoFocus={setupToken !== ''}
          />
        )}
      </Field>
      <Field
        label="E-mail"
        optional={!invitation?.email}
        hint={invitation?.email ? 'The invitation is for this address' : undefined}
        error={errors.email}
      >
        {(control) => (
          <Input
            {...control}
            {...form.field('email')}
            type="email"
            autoComplete="email"
            readOnly={Boolean(invitation?.email)}
          />
        )}
      </Field>
      <Field
        label="Password"
        hint={`At least ${MIN_PASSWORD} characters; a sentence is fine`}
        error={errors.password}
      >
        {(control) => (
          <PasswordInput {...control} {...form.field('password')} autoComplete="new-password" />
        )}
      </Field>
      <Button type="submit" variant="primary" size="lg" busy={create.isPending} className="mt-1">
        {action}
      </Button>
    </form>
  )
}
