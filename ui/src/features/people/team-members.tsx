import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { accept, api } from '@/shared/api/client'
import type { Team } from '@/shared/api/model'
import { refreshPeople, usersQuery } from '@/shared/people/people-query'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { Field } from '@/shared/ui/field'
import { Select } from '@/shared/ui/select'
import { toast, toastProblem } from '@/shared/ui/toast'

/** Who is in a team. Joining and leaving happen at once and can be undone. */
export function TeamMembers({ team, onClose }: { team: Team; onClose: () => void }) {
  const client = useQueryClient()
  const users = useQuery(usersQuery)
  const [chosen, setChosen] = useState('')
  const others = (users.data ?? []).filter(
    (user) => user.active && !team.members.some((member) => member.id === user.id),
  )
  const change = useMutation({
    mutationFn: async ({ user, join }: { user: string; join: boolean }) => {
      const params = { path: { id: team.id, user } }
      await accept(
        join
          ? api.PUT('/api/v1/teams/{id}/members/{user}', { params })
          : api.DELETE('/api/v1/teams/{id}/members/{user}', { params }),
      )
      await refreshPeople(client)
    },
    onError: (error) => toastProblem('The team is as before', error),
  })
  return (
    <Dialog
      open
      onOpenChange={(open) => open || onClose()}
      title={`Members of ${team.name}`}
      className="max-w-md"
      footer={<Button onClick={onClose}>Done</Button>}
    >
      {team.members.length === 0 ? (
        <p className="text-ink-2">Nobody is in this team yet. Add the first one below.</p>
      ) : (
        <ul aria-label="Members" className="flex flex-col">
          {team.members.map((member) => (
            <li
              key={member.id}
              className="flex min-h-10 items-center justify-between gap-3 border-line border-b last:border-b-0"
            >
              <span className="min-w-0 truncate font-medium">{member.username}</span>
              <Button
                size="sm"
                variant="quiet"
                aria-label={`Remove ${member.username}`}
                disabled={change.isPending}
                onClick={() =>
                  change.mutate(
                    { user: member.id, join: false },
                    {
                      onSuccess: () =>
                        toast({
                          tone: 'info',
                          title: `${member.username} left ${team.name}`,
                          action: {
                            label: 'Undo',
                            run: () => change.mutate({ user: member.id, join: true }),
                          },
                        }),
                    },
                  )
                }
              >
                Remove
              </Button>
            </li>
          ))}
        </ul>
      )}
      <form
        className="mt-4 flex items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault()
          if (chosen === '' || change.isPending) return
          change.mutate({ user: chosen, join: true }, { onSuccess: () => setChosen('') })
        }}
      >
        <Field label="Add somebody" className="min-w-0 flex-1">
          {(control) => (
            <Select
              {...control}
              value={chosen}
              disabled={others.length === 0}
              onChange={(event) => setChosen(event.target.value)}
            >
              <option value="">
                {others.length === 0 ? 'Everybody is in this team' : 'Choose a person'}
              </option>
              {others.map((user) => (
                <option key={user.id} value={user.id}>
                  {user.full_name ? `${user.full_name} (${user.username})` : user.username}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Button type="submit" variant="primary" className="h-9" disabled={chosen === ''}>
          Add
        </Button>
      </form>
    </Dialog>
  )
}
