import type { UseQueryResult } from '@tanstack/react-query'
import type { JobPreview } from '@/shared/api/model'
import { STATUS_TEXT, STATUS_TONE } from '@/shared/fleet/status'
import { plural } from '@/shared/lib/format'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { StatusDot } from '@/shared/ui/status-dot'

/** The servers that are meant, before anything runs. */
export function Preview({ query }: { query: UseQueryResult<JobPreview> }) {
  if (query.isError) {
    return <ProblemPanel what="No servers" error={query.error} />
  }
  if (!query.data) return null
  const { servers } = query.data
  const forbidden = servers.filter((server) => !server.allowed)
  const approval = servers.some((server) => server.needs_approval)
  return (
    <section aria-label="Servers that are meant" className="rounded-lg border border-line p-3">
      <p role="status" className="font-medium">
        {plural(servers.length, 'server', 'servers')}
        {forbidden.length > 0 ? (
          <span className="text-bad">, you may not run commands on {forbidden.length} of them</span>
        ) : null}
      </p>
      {approval ? (
        <p className="text-ink-2 text-sm">
          Another person has to approve it: one of the servers needs two.
        </p>
      ) : null}
      <ul className="mt-2 grid max-h-40 gap-x-4 overflow-y-auto sm:grid-cols-2">
        {servers.map((server) => (
          <li key={server.id} className="flex items-center gap-2 text-sm">
            <StatusDot tone={STATUS_TONE[server.status]} />
            <span className="truncate">{server.name}</span>
            <span className="text-ink-3 text-xs">
              {server.allowed ? STATUS_TEXT[server.status] : 'Not allowed'}
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
