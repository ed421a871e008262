import { zodResolver } from '@hookform/resolvers/zod'
import { useMutation } from '@tanstack/react-query'
import { useForm } from 'react-hook-form'
import { api, unwrap } from '@/shared/api/client'
import { Problem } from '@/shared/api/problem'
import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { Input } from '@/shared/ui/input'
import { type AccountForm as Account, accountSchema, MIN_PASSWORD } from './account-schema'
import { FormProblem } from './form-problem'
import { PasswordInput } from './password-input'

const FIELDS = ['setup_token', 'username', 'email', 'password'] as const

/** Creates an account and signs it in: the owner on the first run, anybody where that is open. */
export function AccountForm({
  setupToken,
  action,
  onDone,
}: {
  /** Null: not the first run, no token is asked for. */
  setupToken: string | null
  action: string
  onDone: () => Promise<unknown> | undefined
}) {
  const first = setupToken !== null
  const form = useForm<Account>({
    resolver: zodResolver(accountSchema(first)),
    defaultValues: { setup_token: setupToken ?? '', username: '', email: '', password: '' },
    mode: 'onTouched',
  })
  const create = useMutation({
    mutationFn: async (account: Account) => {
      await unwrap(
        api.POST('/api/v1/auth/register', {
          body: {
            username: account.username.trim(),
            email: account.email.trim() || undefined,
            password: account.password,
            setup_token: first ? account.setup_token.trim() : undefined,
            session: 'cookie',
          },
        }),
      )
      await onDone()
    },
    onError: (error) => {
      if (!(error instanceof Problem)) return
      for (const field of FIELDS) {
        const message = error.field(field)
        if (message) form.setError(field, { message }, { shouldFocus: true })
      }
    },
  })
  const { errors } = form.formState
  const named = create.error instanceof Problem && FIELDS.some((field) => (create.error as Problem).field(field))

  return (
    <form
      noValidate
      className="flex flex-col gap-4"
      onSubmit={form.handleSubmit((account) => create.mutate(account))}
    >
      <FormProblem error={named ? null : create.error} />
      {first ? (
        <Field
          label="Set-up token"
          hint="Printed once in the terminal where ChatOps was started"
          error={errors.setup_token?.message}
        >
          {(control) => (
            <Input
              {...control}
              {...form.register('setup_token')}
              autoComplete="one-time-code"
              spellCheck={false}
              className="font-mono"
              // biome-ignore lint/a11y/noAutofocus: the page has one purpose, and this is where it starts
              autoFocus={setupToken === ''}
            />
          )}
        </Field>
      ) : null}
      <Field label="User name" error={errors.username?.message}>
        {(control) => (
          <Input
            {...control}
            {...form.register('username')}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            // biome-ignore lint/a11y/noAutofocus: the first field that is still empty
            autoFocus={setupToken !== ''}
          />
        )}
      </Field>
      <Field label="E-mail" optional error={errors.email?.message}>
        {(control) => (
          <Input {...control} {...form.register('email')} type="email" autoComplete="email" />
        )}
      </Field>
      <Field
        label="Password"
        hint={`At least ${MIN_PASSWORD} characters; a sentence is fine`}
        error={errors.password?.message}
      >
        {(control) => (
          <PasswordInput {...control} {...form.register('password')} autoComplete="new-password" />
        )}
      </Field>
      <Button type="submit" variant="primary" size="lg" busy={create.isPending} className="mt-1">
        {action}
      </Button>
    </form>
  )
}
