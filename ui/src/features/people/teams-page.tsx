import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Plus, UsersRound } from 'lucide-react'
import { useState } from 'react'
import { accept, api } from '@/shared/api/client'
import type { Team } from '@/shared/api/model'
import { plural } from '@/shared/lib/format'
import { refreshPeople, teamsQuery } from '@/shared/people/people-query'
import { Button } from '@/shared/ui/button'
import { Confirm } from '@/shared/ui/confirm'
import { Empty } from '@/shared/ui/empty'
import { Loaded } from '@/shared/ui/loaded'
import { Table } from '@/shared/ui/table'
import { toast } from '@/shared/ui/toast'
import { NameTeam } from './name-team'
import { TeamMembers } from './team-members'

/** Teams: several people to whom something is shared at once. */
export function TeamsPage() {
  const client = useQueryClient()
  const query = useQuery(teamsQuery)
  const [naming, setNaming] = useState<Team | 'new' | null>(null)
  const [members, setMembers] = useState<string | null>(null)
  const [deleting, setDeleting] = useState<Team | null>(null)
  const create = (
    <Button variant="primary" onClick={() => setNaming('new')}>
      <Plus aria-hidden="true" />
      New team
    </Button>
  )
  return (
    <Loaded query={query} what="The teams could not be loaded">
      {(teams) => {
        const opened = teams.find((team) => team.id === members)
        return (
          <section aria-label="Teams">
            {teams.length === 0 ? (
              <Empty
                className="card max-w-none"
                icon={<UsersRound aria-hidden="true" />}
                title="No teams yet"
                action={create}
              >
                Share servers with a team once; whoever joins it sees them, whoever leaves does not.
              </Empty>
            ) : (
              <>
                <Table
                  label="Teams"
                  columns={['Team', { title: 'Members', className: 'max-sm:hidden' }, '']}
                >
                  {teams.map((team) => (
                    <tr key={team.id}>
                      <th scope="row" className="w-full">
                        <span className="font-medium">{team.name}</span>
                        <span className="block max-w-md truncate text-ink-3 text-xs">
                          {team.members.length === 0
                            ? 'Nobody yet'
                            : team.members.map((member) => member.username).join(', ')}
                        </span>
                      </th>
                      <td className="whitespace-nowrap text-ink-2 max-sm:hidden">
                        {plural(team.members.length, 'person', 'people')}
                      </td>
                      <td>
                        <span className="flex flex-wrap justify-end gap-1.5 py-1">
                          <Button
                            size="sm"
                            aria-label={`Members of ${team.name}`}
                            onClick={() => setMembers(team.id)}
                          >
                            Members
                          </Button>
                          <Button
                            size="sm"
                            aria-label={`Rename ${team.name}`}
                            onClick={() => setNaming(team)}
                          >
                            Rename
                          </Button>
                          <Button
                            size="sm"
                            variant="dangerQuiet"
                            aria-label={`Delete ${team.name}`}
                            onClick={() => setDeleting(team)}
                          >
                            Delete
                          </Button>
                        </span>
                      </td>
                    </tr>
                  ))}
                </Table>
                <div className="mt-3">{create}</div>
              </>
            )}
            {naming ? (
              <NameTeam team={naming === 'new' ? null : naming} onClose={() => setNaming(null)} />
            ) : null}
            {opened ? <TeamMembers team={opened} onClose={() => setMembers(null)} /> : null}
            <Confirm
              open={deleting !== null}
              onOpenChange={(open) => open || setDeleting(null)}
              title={`Delete the team ${deleting?.name ?? ''}?`}
              action={`Delete ${deleting?.name ?? ''}`}
              typeToConfirm={deleting?.name}
              effects="Its members lose what was shared with the team, within seconds. Their accounts stay."
              onConfirm={async () => {
                if (!deleting) return
                await accept(
                  api.DELETE('/api/v1/teams/{id}', { params: { path: { id: deleting.id } } }),
                )
                await refreshPeople(client)
                toast({ tone: 'ok', title: 'Team deleted', detail: deleting.name })
              }}
            />
          </section>
        )
      }}
    </Loaded>
  )
}
