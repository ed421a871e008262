import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { MailPlus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { accept, api } from '@/shared/api/client'
import type { Invitation, Registration } from '@/shared/api/model'
import { useNow } from '@/shared/lib/now'
import { refreshPeople } from '@/shared/people/people-query'
import { Badge } from '@/shared/ui/badge'
import { Button } from '@/shared/ui/button'
import { Confirm } from '@/shared/ui/confirm'
import { Empty } from '@/shared/ui/empty'
import { Loaded } from '@/shared/ui/loaded'
import { SettingsSection } from '@/shared/ui/settings-section'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { toast, toastProblem } from '@/shared/ui/toast'
import { invitationsQuery, registrationQuery } from './queries'
import { roleLabel } from './roles'

const Invite = lazy(() => import('./invite'))

const MODES: readonly { value: Registration; label: string; means: string }[] = [
  { value: 'closed', label: 'Closed', means: 'Nobody makes an account, also not with a link' },
  { value: 'invite', label: 'By invitation', means: 'Only with a link that was made below' },
  {
    value: 'open',
    label: 'Open',
    means: 'Anybody who reaches this address; they begin as operator',
  },
]

/** Who may make an account, and the links that let somebody in. */
export function InvitationsPage() {
  const registration = useQuery(registrationQuery)
  return (
    <>
      <SettingsSection title="Who may make an account">
        <Loaded query={registration} what="The setting could not be loaded">
          {(data) => <Mode mode={data.registration} />}
        </Loaded>
      </SettingsSection>
      <SettingsSection
        title="Invitations"
        hint="A link lets one person in, once, until it ends. Send it to nobody else."
      >
        <Links closed={registration.data?.registration === 'closed'} />
      </SettingsSection>
    </>
  )
}

function Mode({ mode }: { mode: Registration }) {
  const client = useQueryClient()
  const change = useMutation({
    mutationFn: async (registration: Registration) => {
      await accept(api.PUT('/api/v1/settings/registration', { body: { registration } }))
      await refreshPeople(client)
      await client.invalidateQueries({ queryKey: ['auth', 'status'] })
      return registration
    },
    onSuccess: (registration) =>
      toast({
        tone: 'ok',
        title: `Accounts: ${MODES.find((entry) => entry.value === registration)?.label.toLowerCase()}`,
        action: { label: 'Undo', run: () => change.mutate(mode) },
      }),
    onError: (error) => toastProblem('The setting is as before', error),
  })
  const shown = change.isPending ? change.variables : mode
  return (
    <fieldset className="mt-2 divide-y divide-line rounded-lg border border-line bg-surface">
      <legend className="sr-only">Who may make an account</legend>
      {MODES.map((entry) => (
        <label key={entry.value} className="flex cursor-pointer items-start gap-3 px-4 py-3">
          <input
            type="radio"
            name="registration"
            className="mt-0.5 size-4 shrink-0 accent-(--accent)"
            value={entry.value}
            checked={shown === entry.value}
            disabled={change.isPending}
            onChange={() => change.mutate(entry.value)}
          />
          <span>
            <span className="block font-medium">{entry.label}</span>
            <span className="block text-ink-2 text-xs">{entry.means}</span>
          </span>
        </label>
      ))}
    </fieldset>
  )
}

function Links({ closed }: { closed: boolean }) {
  const client = useQueryClient()
  const query = useQuery(invitationsQuery)
  const [inviting, setInviting] = useState(false)
  const [revoking, setRevoking] = useState<Invitation | null>(null)
  const invite = (
    <Button variant="primary" disabled={closed} onClick={() => setInviting(true)}>
      <MailPlus aria-hidden="true" />
      Invite somebody
    </Button>
  )
  return (
    <>
      <Loaded query={query} what="The invitations could not be loaded">
        {({ invitations }) =>
          invitations.length === 0 ? (
            <Empty
              className="card max-w-none"
              icon={<MailPlus aria-hidden="true" />}
              title="No invitations yet"
              action={invite}
            >
              {closed
                ? 'Nobody may make an account now. Choose “By invitation” above first.'
                : 'Make a link, choose what it gives, and send it to the person.'}
            </Empty>
          ) : (
            <>
              <Table
                label="Invitations"
                columns={[
                  'For',
                  'Role',
                  { title: 'Made', className: 'max-md:hidden' },
                  'State',
                  '',
                ]}
              >
                {invitations.map((invitation) => (
                  <InvitationRow
                    key={invitation.id}
                    invitation={invitation}
                    onRevoke={() => setRevoking(invitation)}
                  />
                ))}
              </Table>
              <div className="mt-3">{invite}</div>
            </>
          )
        }
      </Loaded>
      {inviting ? (
        <Suspense>
          <Invite onClose={() => setInviting(false)} />
        </Suspense>
      ) : null}
      <Confirm
        open={revoking !== null}
        onOpenChange={(open) => open || setRevoking(null)}
        title="Revoke this invitation?"
        action="Revoke invitation"
        effects="Its link stops working at once. You can make another one."
        onConfirm={async () => {
          if (!revoking) return
          await accept(
            api.DELETE('/api/v1/invitations/{id}', { params: { path: { id: revoking.id } } }),
          )
          await refreshPeople(client)
          toast({ tone: 'ok', title: 'Invitation revoked' })
        }}
      />
    </>
  )
}

const STATE: Record<Invitation['state'], { label: string; tone: 'ok' | 'off' | 'accent' }> = {
  open: { label: 'Open', tone: 'accent' },
  accepted: { label: 'Accepted', tone: 'ok' },
  revoked: { label: 'Revoked', tone: 'off' },
  expired: { label: 'Expired', tone: 'off' },
}

function InvitationRow({ invitation, onRevoke }: { invitation: Invitation; onRevoke: () => void }) {
  const now = useNow()
  const ended = invitation.state === 'open' && Date.parse(invitation.expires_at) <= now
  const state = STATE[ended ? 'expired' : invitation.state]
  return (
    <tr>
      <th scope="row" className="w-full">
        <span className="font-medium">{invitation.email ?? 'Whoever has the link'}</span>
        {invitation.teams.length > 0 ? (
          <span className="block text-ink-3 text-xs">
            Joins {invitation.teams.map((team) => team.name).join(', ')}
          </span>
        ) : null}
      </th>
      <td className="whitespace-nowrap">{roleLabel(invitation.role)}</td>
      <td className="whitespace-nowrap text-ink-2 max-md:hidden">
        <Ago at={invitation.made_at} />
      </td>
      <td className="whitespace-nowrap">
        <Badge tone={state.tone}>{state.label}</Badge>
        {state === STATE.open ? (
          <span className="block text-ink-3 text-xs">
            ends <Ago at={invitation.expires_at} />
          </span>
        ) : null}
      </td>
      <td className="text-right">
        {state === STATE.open ? (
          <Button
            size="sm"
            variant="dangerQuiet"
            aria-label={`Revoke the invitation for ${invitation.email ?? 'whoever has the link'}`}
            onClick={onRevoke}
          >
            Revoke
          </Button>
        ) : null}
      </td>
    </tr>
  )
}
