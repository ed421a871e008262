import { useMutation } from '@tanstack/react-query'
import * as z from 'zod/mini'
import { accept, api } from '@/shared/api/client'
import { Problem } from '@/shared/api/problem'
import { useForm } from '@/shared/lib/use-form'
import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { FormProblem } from '@/shared/ui/form-problem'
import { PasswordInput } from '@/shared/ui/password-input'
import { toast } from '@/shared/ui/toast'
import { MIN_PASSWORD, newPassword } from './account-schema'

const schema = z.object({
  current_password: z.string().check(z.minLength(1, 'Enter your current password')),
  new_password: newPassword,
})
type Form = z.infer<typeof schema>

const WRONG_PASSWORD = 'CO1008'

export function ChangePassword({ username }: { username: string }) {
  const change = useMutation({
    mutationFn: (body: Form) => accept(api.POST('/api/v1/auth/change-password', { body })),
    onSuccess: () => {
      form.reset()
      toast({ tone: 'ok', title: 'Password changed', detail: 'All other sessions are signed out.' })
    },
    onError: (error) => {
      if (error instanceof Problem && error.code === WRONG_PASSWORD) {
        form.setError('current_password', 'This is not your current password')
      } else {
        form.refuse(error)
      }
    },
  })
  const form = useForm<Form>(
    schema,
    { current_password: '', new_password: '' },
    (values) => change.isPending || change.mutate(values),
  )
  const { errors } = form
  const unnamed = change.error && !errors.current_password && !errors.new_password
  return (
    <form noValidate className="flex flex-col gap-4" onSubmit={form.submit}>
      <FormProblem error={unnamed ? change.error : null} />
      {/* Password managers file the new password under this name. */}
      <input type="text" name="username" autoComplete="username" value={username} readOnly hidden />
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Current password" error={errors.current_password}>
          {(control) => (
            <PasswordInput
              {...control}
              {...form.field('current_password')}
              autoComplete="current-password"
            />
          )}
        </Field>
        <Field
          label="New password"
          hint={`At least ${MIN_PASSWORD} characters`}
          error={errors.new_password}
        >
          {(control) => (
            <PasswordInput
              {...control}
              {...form.field('new_password')}
              autoComplete="new-password"
            />
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
