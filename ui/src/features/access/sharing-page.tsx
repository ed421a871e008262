import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Share2 } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { grantsQuery } from '@/shared/people/people-query'
import { Badge } from '@/shared/ui/badge'
import { Button } from '@/shared/ui/button'
import { Empty } from '@/shared/ui/empty'
import { Loaded } from '@/shared/ui/loaded'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { levelLabel } from './levels'
import { type Revocable, RevokeGrant } from './revoke-grant'

const Share = lazy(() => import('./share'))

/** Everything that is shared, by server and by tag. */
export function SharingPage() {
  const query = useQuery(grantsQuery)
  const [sharing, setSharing] = useState(false)
  const [revoking, setRevoking] = useState<Revocable | null>(null)
  const share = (
    <Button variant="primary" onClick={() => setSharing(true)}>
      <Share2 aria-hidden="true" />
      Share by tag
    </Button>
  )
  return (
    <section aria-label="Sharing">
      <Loaded query={query} what="What is shared could not be loaded">
        {(grants) =>
          grants.length === 0 ? (
            <Empty
              className="card max-w-none"
              icon={<Share2 aria-hidden="true" />}
              title="Nothing is shared"
              action={share}
            >
              Share a single server on its page under Access, or all servers with a tag here.
            </Empty>
          ) : (
            <>
              <Table
                label="Sharing"
                columns={[
                  'What',
                  'With',
                  'May',
                  { title: 'Since', className: 'max-md:hidden' },
                  '',
                ]}
              >
                {grants.map((grant) => (
                  <tr key={grant.id}>
                    <th scope="row">
                      {grant.server_id ? (
                        <Link
                          to="/servers/$id/access"
                          params={{ id: grant.server_id }}
                          className="font-medium underline-offset-2 hover:underline"
                        >
                          {grant.on_name}
                        </Link>
                      ) : (
                        <span className="flex items-center gap-1.5">
                          Tag <Badge>{grant.tag}</Badge>
                        </span>
                      )}
                    </th>
                    <td>
                      {grant.team_id ? 'Team ' : ''}
                      <span className="font-medium">{grant.to_name}</span>
                    </td>
                    <td>
                      <Badge tone={grant.level === 'manage' ? 'accent' : 'plain'}>
                        {levelLabel(grant.level)}
                      </Badge>
                    </td>
                    <td className="whitespace-nowrap text-ink-2 max-md:hidden">
                      <Ago at={grant.given_at} />
                    </td>
                    <td className="text-right">
                      <Button
                        size="sm"
                        variant="dangerQuiet"
                        aria-label={`Stop sharing ${grant.on_name} with ${grant.to_name}`}
                        onClick={() =>
                          setRevoking({
                            id: grant.id,
                            to: `${grant.team_id ? 'team ' : ''}${grant.to_name}`,
                            on: `${grant.tag ? 'tag ' : ''}${grant.on_name}`,
                          })
                        }
                      >
                        Stop
                      </Button>
                    </td>
                  </tr>
                ))}
              </Table>
              <div className="mt-3">{share}</div>
            </>
          )
        }
      </Loaded>
      {sharing ? (
        <Suspense>
          <Share server={null} onClose={() => setSharing(false)} />
        </Suspense>
      ) : null}
      <RevokeGrant grant={revoking} onClose={() => setRevoking(null)} />
    </section>
  )
}
