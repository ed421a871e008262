import type { AgentInfo } from '@/shared/api/model'
import { useNow } from '@/shared/lib/now'
import { exact, relative } from '@/shared/lib/time'
import {
  type Allowed,
  allowedAt,
  CAPABILITIES,
  CAPABILITY_TEXT,
  type Capability,
  grantCommand,
} from '@/shared/servers/allowed'
import { Badge } from '@/shared/ui/badge'
import { CopyButton } from '@/shared/ui/copy'
import { StatusDot } from '@/shared/ui/status-dot'
import { Table } from '@/shared/ui/table'

/** Everything that a host can allow, and how to change it there. Nothing here changes it. */
export function Permits({ agent }: { agent: AgentInfo }) {
  const now = useNow()
  return (
    <Table label="What this host allows" columns={['What', 'Now', { title: '', className: 'w-0' }]}>
      {CAPABILITIES.map((capability) => {
        const allowed = allowedAt(agent, capability, now)
        return (
          <tr key={capability}>
            <th scope="row">
              <code className="font-mono text-xs">{capability}</code>
              <span className="block text-ink-3 text-xs">
                {capitalised(CAPABILITY_TEXT[capability])}
              </span>
            </th>
            <td className="whitespace-nowrap">
              <span className="flex items-center gap-2">
                <StatusDot tone={allowed ? 'ok' : 'off'} />
                <State allowed={allowed} now={now} />
              </span>
            </td>
            <td className="text-right">
              {allowed ? null : (
                <CopyButton
                  iconOnly
                  text={grantCommand(capability)}
                  label={`Copy ${grantCommand(capability)}`}
                />
              )}
            </td>
          </tr>
        )
      })}
    </Table>
  )
}

const capitalised = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`

function State({ allowed, now }: { allowed: Allowed | null; now: number }) {
  if (!allowed) return 'Not allowed'
  if (allowed.until === null) return 'Allowed'
  return (
    <span title={exact(allowed.until)}>
      Granted, ends <span className="tnum">{relative(allowed.until, now)}</span>
    </span>
  )
}

/** Grants are for a while and easily forgotten: the header of the server shows them. */
export function GrantBadges({ agent }: { agent: AgentInfo }) {
  const now = useNow()
  return CAPABILITIES.flatMap((capability: Capability) => {
    const until = allowedAt(agent, capability, now)?.until
    return typeof until === 'number' ? (
      <Badge key={capability} tone="accent" title={`Granted on the host until ${exact(until)}`}>
        <span className="tnum">
          {capability} ends {relative(until, now)}
        </span>
      </Badge>
    ) : (
      []
    )
  })
}
