import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import {
  Bell,
  CalendarClock,
  FileCode2,
  Layers,
  Logs,
  ScrollText,
  Server,
  Settings,
  SquareTerminal,
  Users,
} from 'lucide-react'
import { lazy, type ReactNode, Suspense } from 'react'
import { useFleetSnapshot } from '@/shared/fleet/fleet'
import { STATUS_TEXT, STATUS_TONE, statusAt } from '@/shared/fleet/status'
import { useNow } from '@/shared/lib/now'
import { usePrefs } from '@/shared/lib/prefs'
import { decidesAboutPeople, meQuery } from '@/shared/session/session'
import { BrandMark } from '@/shared/ui/brand'
import { StatusDot } from '@/shared/ui/status-dot'
import { UserMenu } from './user-menu'

const OpenAlerts = lazy(() => import('./open-alerts'))

const entry =
  'flex h-8 items-center gap-2.5 rounded-md px-2.5 text-ink-2 hover:bg-hover hover:text-ink aria-[current=page]:bg-hover aria-[current=page]:font-medium aria-[current=page]:text-ink [&_svg]:size-4 touch:h-11'

/** What the sidebar and, on narrow screens, the drawer hold. */
export function Navigation({ onNavigate }: { onNavigate?: () => void }) {
  const { data: me } = useQuery(meQuery)
  return (
    <>
      <Link
        to="/servers"
        onClick={onNavigate}
        className="mx-3 mt-3 flex h-9 items-center gap-2.5 rounded-md px-1.5 font-semibold text-base tracking-tight"
      >
        <BrandMark className="size-6" />
        ChatOps
      </Link>
      <nav aria-label="Main" className="mt-4 flex flex-col gap-0.5 px-3">
        <NavLink to="/servers" icon={<Server aria-hidden="true" />} onNavigate={onNavigate}>
          Servers
        </NavLink>
        <NavLink to="/alerts" icon={<Bell aria-hidden="true" />} onNavigate={onNavigate}>
          Alerts
          <Suspense>
            <OpenAlerts />
          </Suspense>
        </NavLink>
        <NavLink
          to="/commands"
          icon={<SquareTerminal aria-hidden="true" />}
          onNavigate={onNavigate}
        >
          Commands
        </NavLink>
        <NavLink to="/logs" icon={<Logs aria-hidden="true" />} onNavigate={onNavigate}>
          Logs
        </NavLink>
        <NavLink to="/jobs" icon={<Layers aria-hidden="true" />} onNavigate={onNavigate}>
          Jobs
        </NavLink>
        {me && me.role !== 'viewer' ? (
          <>
            <NavLink to="/scripts" icon={<FileCode2 aria-hidden="true" />} onNavigate={onNavigate}>
              Scripts
            </NavLink>
            <NavLink
              to="/schedules"
              icon={<CalendarClock aria-hidden="true" />}
              onNavigate={onNavigate}
            >
              Schedules
            </NavLink>
          </>
        ) : null}
        {me && decidesAboutPeople(me) ? (
          <>
            <NavLink to="/people" icon={<Users aria-hidden="true" />} onNavigate={onNavigate}>
              People
            </NavLink>
            <NavLink to="/audit" icon={<ScrollText aria-hidden="true" />} onNavigate={onNavigate}>
              Audit
            </NavLink>
          </>
        ) : null}
        <NavLink to="/settings" icon={<Settings aria-hidden="true" />} onNavigate={onNavigate}>
          Settings
        </NavLink>
      </nav>
      <Recent onNavigate={onNavigate} />
      <div className="mt-auto border-line border-t p-2">
        <UserMenu />
      </div>
    </>
  )
}

function NavLink({
  to,
  icon,
  children,
  onNavigate,
}: {
  to:
    | '/servers'
    | '/alerts'
    | '/commands'
    | '/jobs'
    | '/scripts'
    | '/schedules'
    | '/logs'
    | '/people'
    | '/audit'
    | '/settings'
  icon: ReactNode
  children: ReactNode
  onNavigate?: () => void
}) {
  return (
    <Link
      to={to}
      className={entry}
      onClick={onNavigate}
      activeOptions={{ exact: to === '/servers', includeSearch: false }}
    >
      {icon}
      {children}
    </Link>
  )
}

function Recent({ onNavigate }: { onNavigate?: () => void }) {
  const recent = usePrefs((prefs) => prefs.recent)
  const { byId } = useFleetSnapshot()
  const now = useNow()
  if (recent.length === 0) return null
  return (
    <nav aria-labelledby="recent-servers" className="mt-6 px-3">
      <h2 id="recent-servers" className="px-2.5 pb-1 font-medium text-2xs text-ink-3">
        Recent
      </h2>
      <ul className="flex flex-col gap-0.5">
        {recent.map(({ id, name }) => {
          const row = byId.get(id)
          const status = row ? statusAt(row, now) : null
          return (
            <li key={id}>
              <Link
                to="/servers/$id"
                params={{ id }}
                className={entry}
                onClick={onNavigate}
                activeOptions={{ includeSearch: false }}
              >
                <span className="grid size-4 place-items-center">
                  {status ? (
                    <StatusDot tone={STATUS_TONE[status]} className="size-2!" />
                  ) : (
                    <span className="size-1.5 rounded-full bg-line-strong" aria-hidden="true" />
                  )}
                </span>
                <span className="truncate">{row?.server.name ?? name}</span>
                {status ? <span className="sr-only">{STATUS_TEXT[status]}</span> : null}
              </Link>
            </li>
          )
        })}
      </ul>
    </nav>
  )
}
