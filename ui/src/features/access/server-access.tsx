import { useQuery } from '@tanstack/react-query'
import { Share2 } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import type { ServerAccess as Access, PersonAccess } from '@/shared/api/model'
import { accessQuery } from '@/shared/people/people-query'
import { Badge } from '@/shared/ui/badge'
import { Button } from '@/shared/ui/button'
import { Loaded } from '@/shared/ui/loaded'
import { SettingsSection } from '@/shared/ui/settings-section'
import { Table } from '@/shared/ui/table'
import { isMore, levelLabel } from './levels'
import { type Revocable, RevokeGrant } from './revoke-grant'

const Share = lazy(() => import('./share'))

/** Who can do what with a server, and why. */
export function ServerAccess({ server }: { server: { id: string; name: string } }) {
  const query = useQuery(accessQuery(server.id))
  const [sharing, setSharing] = useState(false)
  const [revoking, setRevoking] = useState<Revocable | null>(null)
  return (
    <div className="mt-5 max-w-4xl">
      <SettingsSection title="Access" hint="Who can do what with this server, and why.">
        <Loaded query={query} what="The access could not be loaded">
          {({ you, people }) => (
            <>
              <p className="mb-3 rounded-md bg-sunken px-3 py-2">
                You may <b className="font-semibold">{levelLabel(you.level).toLowerCase()}</b> it:{' '}
                {YOU[you.reason] ?? you.reason}.
              </p>
              {people ? (
                <>
                  <Table label="Access" columns={['Person', 'May', 'Why']}>
                    {people.map((entry) => (
                      <tr key={entry.person.id}>
                        <th scope="row" className="sm:whitespace-nowrap">
                          <span className="font-medium">
                            {entry.person.full_name || entry.person.username}
                          </span>
                          <span className="block text-ink-3 text-xs">
                            {entry.person.full_name ? `${entry.person.username} · ` : ''}
                            {entry.person.role}
                          </span>
                        </th>
                        <td>
                          {entry.level ? (
                            <Badge tone={entry.level === 'manage' ? 'accent' : 'plain'}>
                              {levelLabel(entry.level)}
                            </Badge>
                          ) : (
                            <Badge tone="off">
                              {entry.person.active ? 'Nothing' : 'Deactivated'}
                            </Badge>
                          )}
                        </td>
                        <td className="w-full py-2">
                          <Reasons entry={entry} server={server.name} onRevoke={setRevoking} />
                        </td>
                      </tr>
                    ))}
                  </Table>
                  <Button variant="primary" className="mt-3" onClick={() => setSharing(true)}>
                    <Share2 aria-hidden="true" />
                    Share this server
                  </Button>
                </>
              ) : (
                <p className="text-ink-2">
                  Who else has it is seen by those who may manage it. Ask its owner.
                </p>
              )}
            </>
          )}
        </Loaded>
      </SettingsSection>
      {sharing ? (
        <Suspense>
          <Share server={server} onClose={() => setSharing(false)} />
        </Suspense>
      ) : null}
      <RevokeGrant grant={revoking} onClose={() => setRevoking(null)} />
    </div>
  )
}

const YOU: Record<Access['you']['reason'], string> = {
  role: 'your role reaches every server',
  owner: 'it is yours',
  grant: 'it is shared with you',
}

function Reasons({
  entry,
  server,
  onRevoke,
}: {
  entry: PersonAccess
  server: string
  onRevoke: (grant: Revocable) => void
}) {
  const capped =
    entry.level !== null && entry.reasons.some((reason) => isMore(reason.level, entry.level))
  return (
    <ul className="flex flex-col gap-1">
      {entry.reasons.map((reason) => {
        const { grant_id, team, tag } = reason
        if (!grant_id) {
          return (
            <li key={reason.kind} className="text-ink-2">
              {reason.kind === 'owner' ? 'It is theirs' : `Every ${entry.person.role} reaches it`}
            </li>
          )
        }
        const to = team ? `team ${team.name}` : entry.person.username
        const on = tag ? `tag ${tag}` : server
        return (
          <li key={grant_id} className="flex flex-wrap items-center gap-x-2">
            <span className="text-ink-2">
              {levelLabel(reason.level)}: shared {tag ? `by tag ${tag} ` : ''}
              {team ? `with team ${team.name}` : 'with them'}
            </span>
            {tag ? null : (
              <Button
                size="sm"
                variant="quiet"
                className="text-bad"
                aria-label={`Stop sharing with ${to}`}
                onClick={() => onRevoke({ id: grant_id, to, on })}
              >
                Stop
              </Button>
            )}
          </li>
        )
      })}
      {capped ? (
        <li className="text-ink-3 text-xs">As {entry.person.role} they may do no more.</li>
      ) : null}
    </ul>
  )
}
