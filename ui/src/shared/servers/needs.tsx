import { Lock } from 'lucide-react'
import type { ReactNode } from 'react'
import { useNow } from '../lib/now'
import { relative } from '../lib/time'
import { CopyButton } from '../ui/copy'
import { allowedAt, CAPABILITY_TEXT, type Capability, grantCommand } from './allowed'
import { useServerRow } from './server-query'

/**
 * The children where the host allows them. Elsewhere: which host does not, and the command that
 * changes it there. It goes away by itself when somebody has run the command.
 */
export function Needs({
  server,
  capability,
  children,
}: {
  server: string
  capability: Capability
  children?: ReactNode
}) {
  const now = useNow()
  const row = useServerRow(server)
  if (!row?.server.agent) return children
  const { agent, name } = row.server
  const allowed = allowedAt(agent, capability, now)
  if (allowed) {
    return (
      <>
        {allowed.until === null ? null : (
          <p role="status" className="mt-3 text-ink-2 text-xs">
            {name} allows {CAPABILITY_TEXT[capability]} for a while: this ends{' '}
            <span className="tnum font-medium">{relative(allowed.until, now)}</span>.
          </p>
        )}
        {children}
      </>
    )
  }
  const command = grantCommand(capability)
  const host = agent.hostname ?? name
  return (
    <section
      aria-label={`Not allowed by ${name}`}
      className="mt-4 flex gap-3 rounded-lg border border-line bg-surface p-4"
    >
      <Lock className="mt-0.5 size-5 shrink-0 text-warn" aria-hidden="true" />
      <div className="min-w-0 flex-1">
        <h2 className="font-semibold">
          {name} does not allow {CAPABILITY_TEXT[capability]}
        </h2>
        <p className="mt-0.5 text-ink-2">
          Only the host itself decides that. Run this on {host} to allow it for half an hour; this
          page notices by itself.
        </p>
        <div className="mt-2.5 flex flex-wrap items-center gap-2">
          <code className="rounded-md bg-sunken px-2.5 py-1.5 font-mono text-xs">{command}</code>
          <CopyButton text={command} label="Copy command" />
        </div>
        <p className="mt-2.5 text-ink-3 text-xs">
          For good: add <code className="font-mono">{capability}</code> to{' '}
          <code className="font-mono">capabilities</code> in the agent’s settings there.
        </p>
      </div>
    </section>
  )
}
