import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Plus, Terminal } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { accept, api, unwrap } from '@/shared/api/client'
import type { ApiToken } from '@/shared/api/model'
import { cn } from '@/shared/lib/cn'
import { useNow } from '@/shared/lib/now'
import { Badge } from '@/shared/ui/badge'
import { Button } from '@/shared/ui/button'
import { Confirm } from '@/shared/ui/confirm'
import { Empty } from '@/shared/ui/empty'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { SettingsSection } from '@/shared/ui/settings-section'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { toast } from '@/shared/ui/toast'

const NewToken = lazy(() => import('./new-token'))

const tokensKey = ['auth', 'tokens'] as const
const SOON_MS = 7 * 86_400_000

/** API tokens of this person, for scripts and programs. */
export function TokensPage() {
  const client = useQueryClient()
  const [creating, setCreating] = useState(false)
  const [revoking, setRevoking] = useState<ApiToken | null>(null)
  const query = useQuery({
    queryKey: tokensKey,
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/auth/tokens', { signal })),
  })
  const tokens = query.data?.tokens ?? []
  const refresh = () => client.invalidateQueries({ queryKey: tokensKey })
  const newToken = (
    <Button variant="primary" onClick={() => setCreating(true)}>
      <Plus aria-hidden="true" />
      New token
    </Button>
  )

  return (
    <SettingsSection
      title="API tokens"
      hint="For scripts and programs that act for you. A token can do what you may do, and no more than its scopes."
    >
      {query.isError ? (
        <ProblemPanel
          what="Your tokens could not be loaded"
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      ) : query.isPending ? (
        <Late>
          <Skeleton className="h-32" />
        </Late>
      ) : tokens.length === 0 ? (
        <Empty
          className="card max-w-none"
          icon={<Terminal aria-hidden="true" />}
          title="No tokens"
          action={newToken}
        >
          Make one for a script; its secret is shown once, and you can revoke it here at any time.
        </Empty>
      ) : (
        <>
          <Table
            label="API tokens"
            columns={[
              'Token',
              { title: 'Scopes', className: 'max-md:hidden' },
              'Ends',
              { title: 'Last used', className: 'max-sm:hidden' },
              '',
            ]}
          >
            {tokens.map((token) => (
              <TokenRow key={token.id} token={token} onRevoke={() => setRevoking(token)} />
            ))}
          </Table>
          <div className="mt-3">{newToken}</div>
        </>
      )}
      {creating ? (
        <Suspense>
          <NewToken
            onClose={() => {
              setCreating(false)
              void refresh()
            }}
          />
        </Suspense>
      ) : null}
      <Confirm
        open={revoking !== null}
        onOpenChange={(open) => open || setRevoking(null)}
        title="Revoke this token?"
        action={`Revoke ${revoking?.name ?? ''}`.trim()}
        effects="Programs that use it are refused at once. This cannot be undone; a new token has another secret."
        onConfirm={async () => {
          if (!revoking) return
          await accept(
            api.DELETE('/api/v1/auth/tokens/{id}', { params: { path: { id: revoking.id } } }),
          )
          await refresh()
          toast({ tone: 'ok', title: 'Token revoked', detail: revoking.name })
        }}
      />
    </SettingsSection>
  )
}

function TokenRow({ token, onRevoke }: { token: ApiToken; onRevoke: () => void }) {
  const now = useNow()
  const ends = Date.parse(token.expires_at)
  const expired = token.expired || ends <= now
  return (
    <tr>
      <th scope="row" className={cn(expired && 'text-ink-3')}>
        <span className="block font-medium">{token.name}</span>
        <span className="block font-mono text-2xs text-ink-3">chatops_pat_{token.id}_…</span>
      </th>
      <td className="max-md:hidden">
        <span className="flex flex-wrap gap-1">
          {token.scopes.map((scope) => (
            <Badge key={scope}>{scope}</Badge>
          ))}
        </span>
      </td>
      <td className="whitespace-nowrap">
        {expired ? (
          <Badge tone="off">Expired</Badge>
        ) : (
          <Ago
            at={token.expires_at}
            className={cn(ends - now < SOON_MS ? 'font-medium text-warn' : 'text-ink-2')}
          />
        )}
      </td>
      <td className="whitespace-nowrap text-ink-2 max-sm:hidden">
        {token.last_used_at ? (
          <>
            <Ago at={token.last_used_at} />
            <span className="tnum block text-ink-3 text-xs">{token.last_used_from}</span>
          </>
        ) : (
          'never'
        )}
      </td>
      <td className="text-right">
        <Button
          size="sm"
          variant="dangerQuiet"
          aria-label={`Revoke ${token.name}`}
          onClick={onRevoke}
        >
          Revoke
        </Button>
      </td>
    </tr>
  )
}
