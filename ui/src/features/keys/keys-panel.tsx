import { useQuery, useQueryClient } from '@tanstack/react-query'
import { KeyRound, Plus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { accept, api, unwrap } from '@/shared/api/client'
import type { ApiKey } from '@/shared/api/model'
import { cn } from '@/shared/lib/cn'
import { useNow } from '@/shared/lib/now'
import { Badge } from '@/shared/ui/badge'
import { Button } from '@/shared/ui/button'
import { Confirm } from '@/shared/ui/confirm'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { toast } from '@/shared/ui/toast'

const NewKey = lazy(() => import('./new-key'))
const RotateKey = lazy(() => import('./rotate-key'))

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
  const [rotating, setRotating] = useState<ApiKey | null>(null)
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
        <Table
          label="API keys"
          columns={[
            'Key',
            ...(server === null ? ['Server'] : []),
            'State',
            { title: 'Created', className: 'max-sm:hidden' },
            { title: 'Last used', className: 'max-sm:hidden' },
            '',
          ]}
        >
          {keys.map((key) => (
            <KeyRow
              key={key.id}
              entry={key}
              serverName={server === null ? (serverName?.(key.server_id) ?? key.server_id) : null}
              onRevoke={() => setRevoking(key)}
              onRotate={() => setRotating(key)}
            />
          ))}
        </Table>
      ) : null}
      {server ? (
        <Button className="mt-3" onClick={() => setCreating(true)}>
          <Plus aria-hidden="true" />
          New key
        </Button>
      ) : null}
      <Suspense>
        {server && creating ? (
          <NewKey
            server={server}
            onClose={() => {
              setCreating(false)
              void refresh()
            }}
          />
        ) : null}
        {rotating ? (
          <RotateKey
            entry={rotating}
            onClose={() => {
              setRotating(null)
              void refresh()
            }}
          />
        ) : null}
      </Suspense>
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
  onRotate,
}: {
  entry: ApiKey
  serverName: string | null
  onRevoke: () => void
  onRotate: () => void
}) {
  const now = useNow()
  const state = keyState(entry, now)
  const name = entry.name || 'Key'
  return (
    <tr>
      <th scope="row" className={cn(state !== 'active' && 'text-ink-3')}>
        <span className="block font-medium">{name}</span>
        <span className="block font-mono text-2xs text-ink-3">chatops_{entry.id}_…</span>
      </th>
      {serverName !== null ? <td>{serverName}</td> : null}
      <td>
        <Badge tone={state === 'active' ? 'ok' : 'off'}>
          {state === 'active' ? 'Active' : state === 'expired' ? 'Expired' : 'Revoked'}
        </Badge>
        {state === 'active' && entry.expires_at ? (
          <span className="block text-ink-3 text-xs">
            {entry.successor ? 'replaced, ends ' : 'ends '}
            <Ago at={entry.expires_at} />
          </span>
        ) : null}
      </td>
      <td className="whitespace-nowrap text-ink-2 max-sm:hidden">
        <Ago at={entry.created_at} />
      </td>
      <td className="whitespace-nowrap text-ink-2 max-sm:hidden">
        {entry.last_used ? <Ago at={entry.last_used} /> : 'never'}
      </td>
      <td>
        {state === 'active' ? (
          <span className="flex flex-wrap justify-end gap-1.5 py-1">
            {entry.successor ? null : (
              <Button size="sm" aria-label={`Replace ${name}`} onClick={onRotate}>
                Replace
              </Button>
            )}
            <Button
              size="sm"
              variant="dangerQuiet"
              aria-label={`Revoke ${name}`}
              onClick={onRevoke}
            >
              Revoke
            </Button>
          </span>
        ) : null}
      </td>
    </tr>
  )
}
