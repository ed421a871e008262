import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Search } from 'lucide-react'
import { useState } from 'react'
import { accept, api } from '@/shared/api/client'
import type { User } from '@/shared/api/model'
import { cn } from '@/shared/lib/cn'
import { plural } from '@/shared/lib/format'
import { refreshPeople, usersQuery } from '@/shared/people/people-query'
import { meQuery } from '@/shared/session/session'
import { Badge } from '@/shared/ui/badge'
import { Button } from '@/shared/ui/button'
import { Confirm } from '@/shared/ui/confirm'
import { Empty } from '@/shared/ui/empty'
import { Input } from '@/shared/ui/input'
import { Loaded } from '@/shared/ui/loaded'
import { Select } from '@/shared/ui/select'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { toast } from '@/shared/ui/toast'
import { ROLES, type Role, roleLabel } from './roles'

type Change = { user: User; role: Role } | { user: User; active: boolean }

/** All accounts: their roles, and switching them off and on. */
export function UsersPage({ find, onFind }: { find: string; onFind: (text: string) => void }) {
  const client = useQueryClient()
  const { data: me } = useQuery(meQuery)
  const query = useQuery(usersQuery)
  const [change, setChange] = useState<Change | null>(null)
  const needle = find.trim().toLowerCase()

  const apply = async () => {
    if (!change) return
    const { user } = change
    await accept(
      api.PATCH('/api/v1/users/{id}', {
        params: { path: { id: user.id } },
        body: 'role' in change ? { role: change.role } : { active: change.active },
      }),
    )
    await refreshPeople(client)
    toast({
      tone: 'ok',
      title:
        'role' in change
          ? `${user.username} is ${roleLabel(change.role).toLowerCase()} now`
          : `${user.username} is ${change.active ? 'active again' : 'deactivated'}`,
    })
  }

  return (
    <Loaded query={query} what="The accounts could not be loaded">
      {(users) => {
        const shown = users.filter((user) =>
          [user.username, user.full_name, user.email, user.role].some((text) =>
            text?.toLowerCase().includes(needle),
          ),
        )
        return (
          <section aria-label="Accounts">
            <div className="mb-3 flex flex-wrap items-center gap-3">
              <div className="relative w-full sm:w-72">
                <Search
                  className="pointer-events-none absolute top-1/2 left-2.5 size-4 -translate-y-1/2 text-ink-3"
                  aria-hidden="true"
                />
                <Input
                  type="search"
                  aria-label="Find an account"
                  placeholder="Name, e-mail or role"
                  className="h-8 pl-8 text-sm"
                  value={find}
                  onChange={(event) => onFind(event.target.value)}
                />
              </div>
              <p role="status" className="text-ink-3 text-xs">
                {shown.length === users.length
                  ? plural(users.length, 'account')
                  : `${shown.length} of ${plural(users.length, 'account')}`}
              </p>
            </div>
            {shown.length === 0 ? (
              <Empty
                className="card max-w-none"
                title="Nobody matches"
                action={<Button onClick={() => onFind('')}>Show everybody</Button>}
              />
            ) : (
              <Table
                label="Accounts"
                columns={['Person', 'Role', { title: 'Joined', className: 'max-md:hidden' }, '']}
              >
                {shown.map((user) => (
                  <UserRow
                    key={user.id}
                    user={user}
                    self={user.id === me?.id}
                    mayTouch={me?.role === 'owner' || user.role !== 'owner'}
                    mayMakeOwner={me?.role === 'owner'}
                    onChange={setChange}
                  />
                ))}
              </Table>
            )}
            <ChangeDialog change={change} onClose={() => setChange(null)} onConfirm={apply} />
          </section>
        )
      }}
    </Loaded>
  )
}

function UserRow({
  user,
  self,
  mayTouch,
  mayMakeOwner,
  onChange,
}: {
  user: User
  self: boolean
  /** An admin does not decide about owners. */
  mayTouch: boolean
  mayMakeOwner: boolean
  onChange: (change: Change) => void
}) {
  return (
    <tr>
      <th scope="row" className={cn('w-full', !user.active && 'text-ink-3')}>
        <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="font-medium">{user.full_name || user.username}</span>
          {self ? <Badge tone="accent">You</Badge> : null}
          {user.active ? null : <Badge tone="off">Deactivated</Badge>}
        </span>
        <span className="block text-ink-3 text-xs">
          {[user.full_name ? user.username : null, user.email].filter(Boolean).join(' · ')}
        </span>
      </th>
      <td>
        <Select
          aria-label={`Role of ${user.username}`}
          className="h-8 w-28 text-sm"
          value={user.role}
          disabled={!mayTouch || !user.active}
          onChange={(event) => onChange({ user, role: event.target.value as Role })}
        >
          {ROLES.map((role) => (
            <option
              key={role.value}
              value={role.value}
              disabled={role.value === 'owner' && !mayMakeOwner}
            >
              {role.label}
            </option>
          ))}
        </Select>
      </td>
      <td className="whitespace-nowrap text-ink-2 max-md:hidden">
        <Ago at={user.created_at} />
      </td>
      <td className="text-right">
        {self || !mayTouch ? null : user.active ? (
          <Button
            size="sm"
            variant="dangerQuiet"
            aria-label={`Deactivate ${user.username}`}
            onClick={() => onChange({ user, active: false })}
          >
            Deactivate
          </Button>
        ) : (
          <Button
            size="sm"
            aria-label={`Reactivate ${user.username}`}
            onClick={() => onChange({ user, active: true })}
          >
            Reactivate
          </Button>
        )}
      </td>
    </tr>
  )
}

function ChangeDialog({
  change,
  onClose,
  onConfirm,
}: {
  change: Change | null
  onClose: () => void
  onConfirm: () => Promise<unknown>
}) {
  const name = change?.user.username ?? ''
  const role =
    change && 'role' in change ? ROLES.find((entry) => entry.value === change.role) : undefined
  const off = change && 'active' in change && !change.active
  return (
    <Confirm
      open={change !== null}
      onOpenChange={(open) => open || onClose()}
      tone={off ? 'danger' : 'primary'}
      title={
        role
          ? `Make ${name} ${role.label.toLowerCase()}?`
          : `${off ? 'Deactivate' : 'Reactivate'} ${name}?`
      }
      action={
        role
          ? `Make ${name} ${role.label.toLowerCase()}`
          : `${off ? 'Deactivate' : 'Reactivate'} ${name}`
      }
      effects={
        role ? (
          <>{role.means}. It takes effect within seconds, also in windows that are open now.</>
        ) : off ? (
          <>
            All sessions and tokens of {name} end within seconds and nobody can sign in with this
            account. What it owns stays. You can reactivate it here.
          </>
        ) : (
          <>{name} can sign in again, with the same role and everything that was shared.</>
        )
      }
      onConfirm={onConfirm}
    />
  )
}
