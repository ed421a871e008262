import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { Link2 } from 'lucide-react'
import { useEffect, useState } from 'react'
import { accept, api, unwrap } from '@/shared/api/client'
import type { Security } from '@/shared/api/model'
import { Button } from '@/shared/ui/button'
import { Confirm } from '@/shared/ui/confirm'
import { FormProblem } from '@/shared/ui/form-problem'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { toast } from '@/shared/ui/toast'
import { PasswordStep } from './password-step'
import { securityQuery } from './ways-query'

type Identity = Security['identities'][number]

/** Where the other account is: a chat is known by its channel's id, which says nothing to people. */
const placeOf = ({ issuer }: Identity) => (issuer.startsWith('chat:') ? 'A chat' : issuer)

/** How the way to the provider ended, when the browser comes from there. */
export interface Back {
  linked: boolean
  refused: Error | null
}

/** Accounts elsewhere that sign this person in. `provider` is what the button for linking one says. */
export function Identities({
  security,
  provider,
  back,
}: {
  security: Security
  provider: string | null
  back: Back
}) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const [linking, setLinking] = useState(false)
  const [removing, setRemoving] = useState<Identity | null>(null)
  const { identities } = security

  // What the way to the provider came to stands in the address; it is told once.
  useEffect(() => {
    if (!back.linked) return
    toast({ tone: 'ok', title: 'Account linked' })
    void navigate({ to: '.', search: {}, replace: true })
  }, [back.linked, navigate])

  const begin = async (password?: string) => {
    const { url } = await unwrap(
      api.POST('/api/v1/auth/oidc/link', { body: password === undefined ? {} : { password } }),
    )
    window.location.assign(url)
  }

  return (
    <>
      <FormProblem error={back.refused} />
      {identities.length === 0 ? (
        <p className="text-ink-2">No account elsewhere signs you in here.</p>
      ) : (
        <Table label="Linked accounts" columns={['Account at', 'Linked', '']}>
          {identities.map((identity) => (
            <tr key={identity.id}>
              <th scope="row">
                <span className="font-medium">{placeOf(identity)}</span>
              </th>
              <td className="whitespace-nowrap text-ink-2">
                <Ago at={identity.added_at} />
              </td>
              <td className="text-right">
                <Button
                  size="sm"
                  variant="dangerQuiet"
                  aria-label={`Unlink ${placeOf(identity)}`}
                  onClick={() => setRemoving(identity)}
                >
                  Unlink
                </Button>
              </td>
            </tr>
          ))}
        </Table>
      )}
      {provider ? (
        <Button
          className="mt-3"
          onClick={() => (security.password ? setLinking(true) : void begin())}
        >
          <Link2 aria-hidden="true" />
          Link {provider}
        </Button>
      ) : null}
      {linking ? (
        <PasswordStep
          title={`Link ${provider ?? 'an account'}`}
          effects="You sign in there next. From then on that account signs you in here, too; your role stays as it is."
          action="Continue"
          onCancel={() => setLinking(false)}
          onPassword={begin}
        />
      ) : null}
      <Confirm
        open={removing !== null}
        onOpenChange={(open) => open || setRemoving(null)}
        title="Unlink this account?"
        action="Unlink"
        effects={
          removing?.issuer.startsWith('chat:')
            ? 'What is said there is no longer yours.'
            : 'It no longer signs you in here.'
        }
        onConfirm={async () => {
          if (!removing) return
          await accept(
            api.DELETE('/api/v1/auth/oidc/identities/{id}', {
              params: { path: { id: removing.id } },
            }),
          )
          await client.invalidateQueries({ queryKey: securityQuery.queryKey })
          toast({ tone: 'ok', title: 'Account unlinked', detail: placeOf(removing) })
        }}
      />
    </>
  )
}
