/** Who changed a rule, when, and what it said. */
import { useQuery } from '@tanstack/react-query'
import type { AlertRule } from '@/shared/api/model'
import { Badge } from '@/shared/ui/badge'
import { Ago } from '@/shared/ui/time'
import { versionsQuery } from './queries'

export function Versions({ rule }: { rule: AlertRule }) {
  const { data: versions } = useQuery(versionsQuery(rule.id))
  if (!versions) return null
  return (
    <section aria-labelledby="versions" className="mt-8">
      <h2 id="versions" className="mb-2 font-medium">
        Versions
      </h2>
      <ol className="flex flex-col divide-y divide-line rounded-lg border border-line bg-surface">
        {versions.map((version) => (
          <li key={version.version} className="px-3 py-2">
            <p className="flex flex-wrap items-center gap-x-3">
              <span className="font-medium">Version {version.version}</span>
              {version.enabled ? null : <Badge>Off</Badge>}
              <Badge>{version.severity}</Badge>
              <span className="ml-auto text-ink-2 text-xs">
                {version.saved_by_name ?? 'somebody who is gone'}, <Ago at={version.saved_at} />
              </span>
            </p>
            <code className="block break-words text-ink-2 text-xs">{version.wording}</code>
          </li>
        ))}
      </ol>
    </section>
  )
}
