import { useQuery, useQueryClient } from '@tanstack/react-query'
import { createFileRoute, Link, redirect, useRouter } from '@tanstack/react-router'
import * as z from 'zod/mini'
import { AuthLayout } from '@/features/auth/auth-layout'
import { LoginForm } from '@/features/auth/login-form'
import { nextPath } from '@/features/auth/next-path'
import { usePageTitle } from '@/shared/lib/page-title'
import { rememberSignedIn } from '@/shared/session/hint'
import { sessionClosed, statusQuery } from '@/shared/session/session'

export const Route = createFileRoute('/login')({
  validateSearch: z.object({
    next: z.optional(z.catch(z.string(), '')),
    refused: z.optional(z.catch(z.string(), '')),
  }),
  beforeLoad: async ({ context }) => {
    sessionClosed()
    const status = await context.queryClient.fetchQuery({ ...statusQuery, staleTime: 0 })
    // A login that cannot work is no use to the very first visitor.
    if (status.setup_required) throw redirect({ to: '/setup', hash: true })
  },
  component: LoginPage,
})

function LoginPage() {
  const { next, refused } = Route.useSearch()
  const client = useQueryClient()
  const router = useRouter()
  const { data: status } = useQuery(statusQuery)
  usePageTitle('Sign in')
  return (
    <AuthLayout
      title="Sign in"
      lead="Your servers are waiting."
      below={
        status?.registration === 'open' ? (
          <>
            New here?{' '}
            <Link
              to="/register"
              className="font-medium text-accent underline underline-offset-2 hover:text-accent-strong"
            >
              Create an account
            </Link>
          </>
        ) : undefined
      }
    >
      <LoginForm
        provider={
          status?.identity_provider
            ? { name: status.identity_provider, next: nextPath(next), refused }
            : null
        }
        onDone={async () => {
          client.clear()
          rememberSignedIn(true)
          await router.navigate({ href: nextPath(next), replace: true })
        }}
      />
    </AuthLayout>
  )
}
