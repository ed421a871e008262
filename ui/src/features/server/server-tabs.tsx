import { Link } from '@tanstack/react-router'
import { cn } from '@/shared/lib/cn'

const TABS = [
  { to: '/servers/$id', label: 'Metrics', exact: true },
  { to: '/servers/$id/processes', label: 'Processes', exact: false },
  { to: '/servers/$id/containers', label: 'Containers', exact: false },
  { to: '/servers/$id/connections', label: 'Connections', exact: false },
  { to: '/servers/$id/settings', label: 'Settings', exact: false },
] as const

export function ServerTabs({ id, counts }: { id: string; counts: { containers: number } }) {
  return (
    <nav aria-label="Server" className="mt-3 relative overflow-x-auto border-line border-b">
      <ul className="flex gap-1">
        {TABS.map((tab) => (
          <li key={tab.to}>
            <Link
              to={tab.to}
              params={{ id }}
              activeOptions={{ exact: tab.exact, includeSearch: false }}
              className={cn(
                'flex h-9 items-center gap-1.5 whitespace-nowrap border-transparent border-b-2 px-2.5 text-ink-2 hover:text-ink focus-visible:-outline-offset-2 touch:h-11',
                'aria-[current=page]:border-accent aria-[current=page]:font-medium aria-[current=page]:text-ink',
              )}
            >
              {tab.label}
              {tab.label === 'Containers' && counts.containers > 0 ? (
                <span className="tnum rounded bg-hover px-1 text-2xs text-ink-2">
                  {counts.containers}
                </span>
              ) : null}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  )
}
