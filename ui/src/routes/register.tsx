import { useQueryClient } from '@tanstack/react-query'
import { createFileRoute, Link, redirect, useRouter } from '@tanstack/react-router'
import { AccountForm } from '@/features/auth/account-form'
import { AuthLayout } from '@/features/auth/auth-layout'
import { usePageTitle } from '@/shared/lib/page-title'
import { rememberSignedIn } from '@/shared/session/hint'
import { statusQuery } from '@/shared/session/session'

export const Route = createFileRoute('/register')({
  beforeLoad: async ({ context }) => {
    const status = await context.queryClient.fetchQuery({ ...statusQuery, staleTime: 0 })
    if (status.setup_required) throw redirect({ to: '/setup' })
    if (status.registration !== 'open') throw redirect({ to: '/login' })
  },
  component: RegisterPage,
})

function RegisterPage() {
  const client = useQueryClient()
  const router = useRouter()
  usePageTitle('Create an account')
  return (
    <AuthLayout
      title="Create an account"
      lead="You will see the servers that you add yourself."
      below={
        <>
          Have one already?{' '}
          <Link
            to="/login"
            className="font-medium text-accent underline underline-offset-2 hover:text-accent-strong"
          >
            Sign in
          </Link>
        </>
      }
    >
      <AccountForm
        setupToken={null}
        action="Create account"
        onDone={async () => {
          client.clear()
          rememberSignedIn(true)
          await router.navigate({ to: '/servers', replace: true })
        }}
      />
    </AuthLayout>
  )
}
