import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { KeyRound, Plus } from 'lucide-react'
import { useState } from 'react'
import { accept, api, unwrap } from '@/shared/api/client'
import type { ApiKey, IssuedKey } from '@/shared/api/model'
import { cn } from '@/shared/lib/cn'
import { useNow } from '@/shared/lib/now'
import { Badge } from '@/shared/ui/badge'
import { Button } from '@/shared/ui/button'
import { Confirm } from '@/shared/ui/confirm'
import { Dialog } from '@/shared/ui/dialog'
import { Field } from '@/shared/ui/field'
import { Input } from '@/shared/ui/input'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { ShownOnce } from '@/shared/ui/shown-once'
import { Ago } from '@/shared/ui/time'
import { toast, toastProblem } from '@/shared/ui/toast'

export const keysQueryKey = (server: string | null) => ['api-keys', server ?? 'all'] as const

/** API keys of one server, or of all servers of the user. */
export function KeysPanel({
  server,
  serverName,
}: {
  server: string | null
  /** Name of a server by id, where the list spans several. */
  serverName?: (id: string) => string
}) {
  const client = useQueryClient()
  const [creating, setCreating] = useState(false)
  const [revoking, setRevoking] = useState<ApiKey | null>(null)
  const query = useQuery({
    queryKey: keysQueryKey(server),
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/v1/api-keys', {
          params: { query: server ? { server_id: server } : {} },
          signal,
        }),
      ),
  })
  const refresh = () => client.invalidateQueries({ queryKey: ['api-keys'] })
  const keys = query.data?.keys ?? []

  if (query.isError) {
    return (
      <ProblemPanel
        what="The API keys could not be loaded"
        error={query.error}
        onRetry={() => void query.refetch()}
      />
    )
  }
  return (
    <div>
      {keys.length === 0 && query.isSuccess ? (
        <p className="flex items-center gap-2 text-ink-2">
          <KeyRound className="size-4 text-ink-3" aria-hidden="true" />
          {server
            ? 'No key yet: no agent can connect.'
            : 'No keys. Each server gets its own when you add it.'}
        </p>
      ) : null}
      {keys.length > 0 ? (
        <div className="relative overflow-x-auto rounded-lg border border-line">
          <table className="w-full text-left">
            <thead>
              <tr className="text-2xs text-ink-3">
                <th scope="col" className="h-9 px-3 font-medium">
                  Key
                </th>
                {server === null ? (
                  <th scope="col" className="px-3 font-medium">
                    Server
                  </th>
                ) : null}
                <th scope="col" className="px-3 font-medium">
                  State
                </th>
                <th scope="col" className="px-3 font-medium max-sm:hidden">
                  Created
                </th>
                <th scope="col" className="px-3 font-medium max-sm:hidden">
                  Last used
                </th>
                <th scope="col" className="px-3">
                  <span className="sr-only">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {keys.map((key) => (
                <KeyRow
                  key={key.id}
                  entry={key}
                  serverName={
                    server === null ? (serverName?.(key.server_id) ?? key.server_id) : null
                  }
                  onRevoke={() => setRevoking(key)}
                />
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      {server ? (
        <Button className="mt-3" onClick={() => setCreating(true)}>
          <Plus aria-hidden="true" />
          New key
        </Button>
      ) : null}
      {server && creating ? (
        <NewKey
          server={server}
          onClose={() => {
            setCreating(false)
            void refresh()
          }}
        />
      ) : null}
      <Confirm
        open={revoking !== null}
        onOpenChange={(open) => open || setRevoking(null)}
        title="Revoke this key?"
        action={`Revoke key ${revoking?.name ?? ''}`.trim()}
        effects={
          <>
            An agent that uses it is disconnected at once and cannot come back with it. The figures
            it sent stay. This cannot be undone.
          </>
        }
        onConfirm={async () => {
          if (!revoking) return
          await accept(
            api.POST('/api/v1/api-keys/{id}/revoke', { params: { path: { id: revoking.id } } }),
          )
          await refresh()
          toast({ tone: 'ok', title: 'Key revoked', detail: revoking.name ?? revoking.id })
        }}
      />
    </div>
  )
}

function keyState(key: ApiKey, now: number): 'active' | 'expired' | 'revoked' {
  if (key.state !== 'active') return key.state === 'expired' ? 'expired' : 'revoked'
  return key.expires_at && Date.parse(key.expires_at) <= now ? 'expired' : 'active'
}

function KeyRow({
  entry,
  serverName,
  onRevoke,
}: {
  entry: ApiKey
  serverName: string | null
  onRevoke: () => void
}) {
  const now = useNow()
  const state = keyState(entry, now)
  return (
    <tr className="border-line border-t">
      <th scope="row" className={cn('h-11 px-3 font-normal', state !== 'active' && 'text-ink-3')}>
        <span className="block font-medium">{entry.name || 'Key'}</span>
        <span className="block font-mono text-2xs text-ink-3">chatops_{entry.id}_…</span>
      </th>
      {serverName !== null ? <td className="px-3">{serverName}</td> : null}
      <td className="px-3">
        <Badge tone={state === 'active' ? 'ok' : 'off'}>
          {state === 'active' ? 'Active' : state === 'expired' ? 'Expired' : 'Revoked'}
        </Badge>
        {state === 'active' && entry.expires_at ? (
          <span className="ml-2 text-ink-3 text-xs">
            ends <Ago at={entry.expires_at} />
          </span>
        ) : null}
      </td>
      <td className="whitespace-nowrap px-3 text-ink-2 max-sm:hidden">
        <Ago at={entry.created_at} />
      </td>
      <td className="whitespace-nowrap px-3 text-ink-2 max-sm:hidden">
        {entry.last_used ? <Ago at={entry.last_used} /> : 'never'}
      </td>
      <td className="px-3 text-right">
        {state === 'active' ? (
          <Button size="sm" variant="dangerQuiet" onClick={onRevoke}>
            Revoke
          </Button>
        ) : null}
      </td>
    </tr>
  )
}

function NewKey({ server, onClose }: { server: string; onClose: () => void }) {
  const [name, setName] = useState('')
  const [issued, setIssued] = useState<IssuedKey | null>(null)
  const create = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST('/api/v1/api-keys', {
          body: { server_id: server, name: name.trim() || undefined },
        }),
      ),
    onSuccess: setIssued,
    onError: (error) => toastProblem('No key was made', error),
  })
  return (
    <Dialog
      open
      onOpenChange={(open) => open || onClose()}
      title={issued ? 'Your new key' : 'New API key'}
      description={issued ? 'It is shown this once. Only its hash is kept.' : undefined}
      dismissable={issued === null}
      footer={
        issued ? (
          <Button variant="primary" onClick={onClose}>
            I have saved it
          </Button>
        ) : (
          <>
            <Button onClick={onClose}>Cancel</Button>
            <Button variant="primary" busy={create.isPending} onClick={() => create.mutate()}>
              Create key
            </Button>
          </>
        )
      }
    >
      {issued ? (
        <ShownOnce secret={issued.key} testId="issued-key" />
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault()
            if (!create.isPending) create.mutate()
          }}
        >
          <Field
            label="Name"
            optional
            hint="To tell keys apart, for example by where they are used"
          >
            {(control) => (
              <Input
                {...control}
                maxLength={64}
                value={name}
                onChange={(event) => setName(event.target.value)}
              />
            )}
          </Field>
        </form>
      )}
    </Dialog>
  )
}
