import { zodResolver } from '@hookform/resolvers/zod'
import { useMutation } from '@tanstack/react-query'
import { useForm } from 'react-hook-form'
import * as z from 'zod/mini'
import { api, unwrap } from '@/shared/api/client'
import { Problem } from '@/shared/api/problem'
import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { toast } from '@/shared/ui/toast'
import { MIN_PASSWORD, newPassword } from './account-schema'
import { FormProblem } from './form-problem'
import { PasswordInput } from './password-input'

const schema = z.object({
  current_password: z.string().check(z.minLength(1, 'Enter your current password')),
  new_password: newPassword,
})
type Form = z.infer<typeof schema>

export function ChangePassword({ username }: { username: string }) {
  const form = useForm<Form>({
    resolver: zodResolver(schema),
    defaultValues: { current_password: '', new_password: '' },
  })
  const { errors } = form.formState
  const change = useMutation({
    mutationFn: (body: Form) => unwrap(api.POST('/api/v1/auth/change-password', { body })),
    onSuccess: () => {
      form.reset()
      toast({ tone: 'ok', title: 'Password changed', detail: 'All other sessions are signed out.' })
    },
    onError: (error) => {
      if (!(error instanceof Problem)) return
      for (const field of ['current_password', 'new_password'] as const) {
        const message = error.field(field)
        if (message) form.setError(field, { message }, { shouldFocus: true })
      }
      if (error.status === 401 || error.status === 403) {
        form.setError('current_password', { message: 'This is not your current password' }, { shouldFocus: true })
      }
    },
  })
  const unnamed = change.error && !errors.current_password && !errors.new_password
  return (
    <form noValidate className="flex flex-col gap-4" onSubmit={form.handleSubmit((values) => change.mutate(values))}>
      <FormProblem error={unnamed ? change.error : null} />
      {/* Password managers file the new password under this name. */}
      <input type="text" name="username" autoComplete="username" value={username} readOnly hidden />
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Current password" error={errors.current_password?.message}>
          {(control) => (
            <PasswordInput {...control} {...form.register('current_password')} autoComplete="current-password" />
          )}
        </Field>
        <Field
          label="New password"
          hint={`At least ${MIN_PASSWORD} characters`}
          error={errors.new_password?.message}
        >
          {(control) => (
            <PasswordInput {...control} {...form.register('new_password')} autoComplete="new-password" />
          )}
        </Field>
      </div>
      <div>
        <Button type="submit" busy={change.isPending}>
          Change password
        </Button>
      </div>
    </form>
  )
}
