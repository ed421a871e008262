import { useQueryClient } from '@tanstack/react-query'
import { Fingerprint, Plus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { accept, api } from '@/shared/api/client'
import type { Security } from '@/shared/api/model'
import { passkeysWork } from '@/shared/lib/webauthn'
import { Button } from '@/shared/ui/button'
import { Confirm } from '@/shared/ui/confirm'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { toast } from '@/shared/ui/toast'
import { securityQuery } from './ways-query'

const AddPasskey = lazy(() => import('./add-passkey'))

type Passkey = Security['passkeys'][number]

/** Keys of this person's devices that sign in without a password. */
export function Passkeys({ security }: { security: Security }) {
  const client = useQueryClient()
  const [adding, setAdding] = useState(false)
  const [removing, setRemoving] = useState<Passkey | null>(null)
  const refresh = () => client.invalidateQueries({ queryKey: securityQuery.queryKey })
  const { passkeys } = security
  return (
    <>
      {passkeys.length === 0 ? (
        <p className="flex items-center gap-2 text-ink-2">
          <Fingerprint className="size-4 text-ink-3" aria-hidden="true" />
          No passkeys yet. With one you sign in by fingerprint, face or a security key.
        </p>
      ) : (
        <Table
          label="Passkeys"
          columns={['Passkey', { title: 'Added', className: 'max-sm:hidden' }, 'Last used', '']}
        >
          {passkeys.map((passkey) => (
            <tr key={passkey.id}>
              <th scope="row">
                <span className="font-medium">{passkey.name}</span>
              </th>
              <td className="whitespace-nowrap text-ink-2 max-sm:hidden">
                <Ago at={passkey.added_at} />
              </td>
              <td className="whitespace-nowrap text-ink-2">
                {passkey.last_used_at ? <Ago at={passkey.last_used_at} /> : 'never'}
              </td>
              <td className="text-right">
                <Button
                  size="sm"
                  variant="dangerQuiet"
                  aria-label={`Remove ${passkey.name}`}
                  onClick={() => setRemoving(passkey)}
                >
                  Remove
                </Button>
              </td>
            </tr>
          ))}
        </Table>
      )}
      {passkeysWork() ? (
        <Button className="mt-3" onClick={() => setAdding(true)}>
          <Plus aria-hidden="true" />
          Add a passkey
        </Button>
      ) : (
        <p className="mt-3 text-ink-2 text-xs">
          This browser offers no passkeys here: they need https, or a page of this machine.
        </p>
      )}
      {adding ? (
        <Suspense>
          <AddPasskey
            withPassword={security.password}
            onClose={(added) => {
              setAdding(false)
              if (added === null) return
              void refresh()
              toast({ tone: 'ok', title: 'Passkey added', detail: added })
            }}
          />
        </Suspense>
      ) : null}
      <Confirm
        open={removing !== null}
        onOpenChange={(open) => open || setRemoving(null)}
        title="Remove this passkey?"
        action={`Remove ${removing?.name ?? ''}`.trim()}
        effects="It no longer signs you in here. Delete it on the device, too, so that the browser does not offer it."
        onConfirm={async () => {
          if (!removing) return
          await accept(
            api.DELETE('/api/v1/auth/passkeys/{id}', { params: { path: { id: removing.id } } }),
          )
          await refresh()
          toast({ tone: 'ok', title: 'Passkey removed', detail: removing.name })
        }}
      />
    </>
  )
}
