import { useMutation } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'
import { rememberSignedIn } from '@/shared/session/hint'
import { Button } from '@/shared/ui/button'
import { FormProblem } from '@/shared/ui/form-problem'

/** Accepts an invitation with the account that somebody has at the identity provider: no name, no password of its own. */
export function JoinElsewhere({ token, provider }: { token: string; provider: string }) {
  const go = useMutation({
    mutationFn: async () => {
      const { url } = await unwrap(
        api.POST('/api/v1/auth/oidc/join', { body: { invitation: token } }),
      )
      // Back from there the page has to know that asking who is signed in is worth it.
      rememberSignedIn(true)
      window.location.assign(url)
    },
  })
  return (
    <div className="mb-6 flex flex-col gap-4 border-line border-b pb-6">
      <FormProblem error={go.error} />
      <Button size="lg" busy={go.isPending} onClick={() => go.mutate()}>
        Continue with {provider}
      </Button>
    </div>
  )
}
