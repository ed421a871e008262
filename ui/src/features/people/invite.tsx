/** Makes an invitation and shows its link this once. Loaded when it is first opened. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import { Problem } from '@/shared/api/problem'
import { serverNow } from '@/shared/lib/now'
import { day } from '@/shared/lib/time'
import { refreshPeople, teamsQuery } from '@/shared/people/people-query'
import { meQuery } from '@/shared/session/session'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { Field } from '@/shared/ui/field'
import { FormProblem } from '@/shared/ui/form-problem'
import { Input } from '@/shared/ui/input'
import { Select } from '@/shared/ui/select'
import { ShownOnce } from '@/shared/ui/shown-once'
import { ROLES, type Role } from './roles'

const DAY_MS = 86_400_000
const DAYS = [1, 3, 7, 14, 30]

export default function Invite({ onClose }: { onClose: () => void }) {
  const client = useQueryClient()
  const { data: me } = useQuery(meQuery)
  const teams = useQuery(teamsQuery)
  const [role, setRole] = useState<Role>('viewer')
  const [email, setEmail] = useState('')
  const [days, setDays] = useState(7)
  const [chosen, setChosen] = useState<readonly string[]>([])
  const [link, setLink] = useState<string | null>(null)
  const ends = serverNow() + days * DAY_MS
  const make = useMutation({
    mutationFn: async () => {
      const made = await unwrap(
        api.POST('/api/v1/invitations', {
          body: {
            role,
            email: email.trim() || undefined,
            teams: [...chosen],
            expires_at: new Date(ends).toISOString(),
          },
        }),
      )
      setLink(made.url)
      await refreshPeople(client)
    },
  })
  const problem = make.error instanceof Problem ? make.error : null

  if (link) {
    return (
      <Dialog
        open
        onOpenChange={(open) => open || onClose()}
        dismissable={false}
        title="The invitation is made"
        description="Send this link to the person. It works once, and it is shown only now."
        footer={
          <Button variant="primary" onClick={onClose}>
            Done
          </Button>
        }
      >
        <ShownOnce secret={link} testId="invitation-link" />
      </Dialog>
    )
  }
  return (
    <Dialog
      open
      onOpenChange={(open) => open || make.isPending || onClose()}
      title="Invite somebody"
      className="max-w-md"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" busy={make.isPending} onClick={() => make.mutate()}>
            Make the link
          </Button>
        </>
      }
    >
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          if (!make.isPending) make.mutate()
        }}
      >
        <FormProblem error={problem && problem.fields.length > 0 ? null : make.error} />
        <Field
          label="Role"
          hint={ROLES.find((entry) => entry.value === role)?.means}
          error={problem?.field('role')}
        >
          {(control) => (
            <Select
              {...control}
              value={role}
              onChange={(event) => setRole(event.target.value as Role)}
            >
              {ROLES.filter((entry) => entry.value !== 'owner' || me?.role === 'owner').map(
                (entry) => (
                  <option key={entry.value} value={entry.value}>
                    {entry.label}
                  </option>
                ),
              )}
            </Select>
          )}
        </Field>
        <Field
          label="E-mail"
          optional
          hint="The account gets this address and no other"
          error={problem?.field('email')}
        >
          {(control) => (
            <Input
              {...control}
              type="email"
              autoComplete="off"
              value={email}
              onChange={(event) => setEmail(event.target.value)}
            />
          )}
        </Field>
        {teams.data && teams.data.length > 0 ? (
          <fieldset>
            <legend className="font-medium">Joins</legend>
            <div className="mt-1 flex max-h-40 flex-wrap gap-x-4 overflow-y-auto">
              {teams.data.map((team) => (
                <label
                  key={team.id}
                  className="flex min-h-7 cursor-pointer items-center gap-2 touch:min-h-11"
                >
                  <input
                    type="checkbox"
                    className="size-4 accent-(--accent)"
                    checked={chosen.includes(team.id)}
                    onChange={(event) =>
                      setChosen(
                        event.target.checked
                          ? [...chosen, team.id]
                          : chosen.filter((other) => other !== team.id),
                      )
                    }
                  />
                  {team.name}
                </label>
              ))}
            </div>
          </fieldset>
        ) : null}
        <Field label="Ends after" hint={`On ${day(ends)}`} error={problem?.field('expires_at')}>
          {(control) => (
            <Select
              {...control}
              value={days}
              onChange={(event) => setDays(Number(event.target.value))}
            >
              {DAYS.map((count) => (
                <option key={count} value={count}>
                  {count === 1 ? 'a day' : `${count} days`}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </form>
    </Dialog>
  )
}
