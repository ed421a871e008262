import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { accept, api, unwrap } from '@/shared/api/client'
import type { OpenSession } from '@/shared/api/model'
import { Badge } from '@/shared/ui/badge'
import { Button } from '@/shared/ui/button'
import { Confirm } from '@/shared/ui/confirm'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { SettingsSection } from '@/shared/ui/settings-section'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { toast } from '@/shared/ui/toast'
import { agentName } from './user-agent'

const METHOD: Record<OpenSession['method'], string> = {
  password: 'Password',
  password_totp: 'Password and code',
  recovery_code: 'Password and recovery code',
  passkey: 'Passkey',
  oidc: 'Single sign-on',
}

const sessionsKey = ['auth', 'sessions'] as const

/** Where this person is signed in, and the way to end it there. */
export function SessionsPage() {
  const client = useQueryClient()
  const [ending, setEnding] = useState<OpenSession | 'others' | null>(null)
  const query = useQuery({
    queryKey: sessionsKey,
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/auth/sessions', { signal })),
  })
  const sessions = query.data?.sessions ?? []
  const others = sessions.filter((session) => !session.current).length
  const one = ending !== 'others' ? ending : null

  const end = async () => {
    await accept(
      one
        ? api.DELETE('/api/v1/auth/sessions/{id}', { params: { path: { id: one.id } } })
        : api.DELETE('/api/v1/auth/sessions'),
    )
    await client.invalidateQueries({ queryKey: sessionsKey })
    toast({ tone: 'ok', title: one ? 'Session ended' : 'All other sessions ended' })
  }

  return (
    <SettingsSection
      title="Sessions"
      hint="Where you are signed in. Do you not know one? End it, then change your password."
    >
      {query.isError ? (
        <ProblemPanel
          what="Your sessions could not be loaded"
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      ) : query.isPending ? (
        <Late>
          <Skeleton className="h-32" />
        </Late>
      ) : (
        <>
          <Table
            label="Sessions"
            columns={[
              'Where',
              { title: 'Signed in', className: 'max-sm:hidden' },
              { title: 'Last seen', className: 'max-sm:hidden' },
              '',
            ]}
          >
            {sessions.map((session) => (
              <tr key={session.id}>
                <th scope="row">
                  <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
                    <span className="font-medium" title={session.user_agent ?? undefined}>
                      {agentName(session.user_agent)}
                    </span>
                    {session.current ? <Badge tone="ok">This session</Badge> : null}
                  </span>
                  <span className="tnum block text-ink-3 text-xs">
                    {session.address ?? 'Unknown address'}
                    <span className="sm:hidden">
                      {' · '}
                      <Ago at={session.renewed_at} />
                    </span>
                  </span>
                </th>
                <td className="whitespace-nowrap text-ink-2 max-sm:hidden">
                  <Ago at={session.since} />
                  <span className="block text-ink-3 text-xs">{METHOD[session.method]}</span>
                </td>
                <td className="whitespace-nowrap text-ink-2 max-sm:hidden">
                  <Ago at={session.renewed_at} />
                </td>
                <td className="text-right">
                  {session.current ? null : (
                    <Button
                      size="sm"
                      variant="dangerQuiet"
                      aria-label={`End the session of ${agentName(session.user_agent)}`}
                      onClick={() => setEnding(session)}
                    >
                      End
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </Table>
          {others > 0 ? (
            <Button className="mt-3" onClick={() => setEnding('others')}>
              End all other sessions
            </Button>
          ) : (
            <p className="mt-3 text-ink-2">You are signed in nowhere else.</p>
          )}
        </>
      )}
      <Confirm
        open={ending !== null}
        onOpenChange={(open) => open || setEnding(null)}
        title={one ? 'End this session?' : 'End all other sessions?'}
        action={one ? 'End session' : `End ${others} ${others === 1 ? 'session' : 'sessions'}`}
        effects={
          one ? (
            <>
              {agentName(one.user_agent)}
              {one.address ? ` at ${one.address}` : ''} is signed out within seconds and has to sign
              in again.
            </>
          ) : (
            <>Every browser and program but this one is signed out and has to sign in again.</>
          )
        }
        onConfirm={end}
      />
    </SettingsSection>
  )
}
