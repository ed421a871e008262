/**
 * Ctrl/⌘ K: pages, servers by name, actions on the server that is open, the theme. A combobox in a
 * dialog: the focus stays in the box, arrow keys move the choice, Escape gives the focus back.
 */
import { Dialog as Base } from '@base-ui/react/dialog'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import {
  Bell,
  CornerDownLeft,
  Keyboard,
  LogOut,
  Logs,
  Moon,
  Plus,
  ScrollText,
  Search,
  Server,
  Settings,
  SquareTerminal,
  Sun,
  Users,
} from 'lucide-react'
import {
  type ReactNode,
  useDeferredValue,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
} from 'react'
import { fleetQuery, useFleetSnapshot } from '@/shared/fleet/fleet'
import { STATUS_SHORT, STATUS_TONE, statusAt } from '@/shared/fleet/status'
import { cn } from '@/shared/lib/cn'
import { useNow } from '@/shared/lib/now'
import { usePrefs } from '@/shared/lib/prefs'
import { setTheme, useResolvedTheme } from '@/shared/lib/theme'
import { decidesAboutPeople, meQuery } from '@/shared/session/session'
import { Kbd } from '@/shared/ui/kbd'
import { StatusDot } from '@/shared/ui/status-dot'
import { find } from './search'

interface Entry {
  id: string
  group: string
  label: string
  words?: string
  icon: ReactNode
  hint?: ReactNode
  run: () => void
}

const MOST_SERVERS = 20

export interface PaletteProps {
  open: boolean
  onOpenChange: (open: boolean) => void
  onShortcuts: () => void
  onSignOut: () => void
}

export default function Palette({ open, onOpenChange, onShortcuts, onSignOut }: PaletteProps) {
  return (
    <Base.Root open={open} onOpenChange={onOpenChange}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 animate-fade bg-scrim" />
        <Base.Popup className="fixed inset-x-3 top-[max(0.75rem,12vh)] z-40 mx-auto flex max-h-[min(30rem,76dvh)] max-w-xl animate-rise flex-col overflow-hidden rounded-xl border border-line bg-surface shadow-float outline-none">
          <Base.Title className="sr-only">Search and jump</Base.Title>
          <Finder
            close={() => onOpenChange(false)}
            onShortcuts={onShortcuts}
            onSignOut={onSignOut}
          />
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}

function Finder({
  close,
  onShortcuts,
  onSignOut,
}: {
  close: () => void
  onShortcuts: () => void
  onSignOut: () => void
}) {
  const listId = useId()
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const list = useRef<HTMLDivElement>(null)
  const deferred = useDeferredValue(text)
  const entries = useEntries(deferred, onShortcuts, onSignOut)
  const current = Math.min(at, Math.max(0, entries.length - 1))
  const chosen = entries[current]

  useEffect(() => {
    list.current?.querySelector(`[data-option="${current}"]`)?.scrollIntoView({ block: 'nearest' })
  }, [current])

  const run = (entry: Entry | undefined) => {
    if (!entry) return
    close()
    entry.run()
  }

  let lastGroup = ''
  return (
    <>
      <div className="flex items-center gap-2.5 border-line border-b px-4">
        <Search className="size-4 shrink-0 text-ink-3" aria-hidden="true" />
        <input
          role="combobox"
          aria-label="Search and jump"
          aria-expanded="true"
          aria-controls={listId}
          aria-activedescendant={chosen ? `${listId}-${current}` : undefined}
          aria-autocomplete="list"
          autoComplete="off"
          spellCheck={false}
          placeholder="Servers, pages, actions"
          value={text}
          onChange={(event) => {
            setText(event.target.value)
            setAt(0)
          }}
          onKeyDown={(event) => {
            const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
            if (step !== 0) {
              event.preventDefault()
              setAt((current + step + entries.length) % Math.max(1, entries.length))
            } else if (event.key === 'Enter') {
              event.preventDefault()
              run(chosen)
            }
          }}
          className="h-12 min-w-0 flex-1 bg-transparent text-base outline-none"
        />
        <Kbd>Esc</Kbd>
      </div>
      <div
        ref={list}
        id={listId}
        role="listbox"
        aria-label="Found"
        className="min-h-0 flex-1 overflow-y-auto p-1.5"
      >
        {entries.length === 0 ? (
          <p className="px-3 py-8 text-center text-ink-2">Nothing is called “{deferred}”.</p>
        ) : null}
        {entries.map((entry, index) => {
          const heading = entry.group === lastGroup ? null : entry.group
          lastGroup = entry.group
          return (
            <div key={entry.id} role="presentation">
              {heading ? (
                <div
                  role="presentation"
                  className="px-2.5 pt-2 pb-1 font-medium text-2xs text-ink-3"
                >
                  {heading}
                </div>
              ) : null}
              {/* biome-ignore lint/a11y/useKeyWithClickEvents: the combobox above has the keyboard */}
              {/* biome-ignore lint/a11y/useFocusableInteractive: aria-activedescendant names it */}
              <div
                role="option"
                id={`${listId}-${index}`}
                data-option={index}
                aria-selected={index === current}
                onPointerMove={() => index === current || setAt(index)}
                onClick={() => run(entry)}
                className={cn(
                  'flex h-9 cursor-pointer items-center gap-2.5 rounded-md px-2.5 touch:h-11 [&_svg]:size-4',
                  index === current && 'bg-hover',
                )}
              >
                <span className="grid w-4 place-items-center text-ink-3">{entry.icon}</span>
                <span className="min-w-0 flex-1 truncate">{entry.label}</span>
                {index === current ? (
                  <CornerDownLeft className="text-ink-3" aria-hidden="true" />
                ) : (
                  <span className="text-ink-3 text-xs">{entry.hint}</span>
                )}
              </div>
            </div>
          )
        })}
      </div>
    </>
  )
}

function useEntries(text: string, onShortcuts: () => void, onSignOut: () => void): Entry[] {
  const navigate = useNavigate()
  const { id: currentId } = useParams({ strict: false })
  const theme = useResolvedTheme()
  const recent = usePrefs((prefs) => prefs.recent)
  const now = useNow()
  const { data: me } = useQuery(meQuery)
  useQuery(fleetQuery)
  const { rows, byId } = useFleetSnapshot()

  return useMemo(() => {
    const go = (to: string) => () => void navigate({ to })
    const pages: Entry[] = [
      {
        id: 'p-servers',
        group: 'Go to',
        label: 'Servers',
        icon: <Server />,
        hint: 'g s',
        run: go('/servers'),
      },
      {
        id: 'p-new',
        group: 'Go to',
        label: 'Add a server',
        words: 'new enroll install',
        icon: <Plus />,
        hint: 'n',
        run: go('/servers/new'),
      },
      {
        id: 'p-commands',
        group: 'Go to',
        label: 'Commands',
        words: 'history what was run',
        icon: <SquareTerminal />,
        hint: 'g c',
        run: go('/commands'),
      },
      {
        id: 'p-logs',
        group: 'Go to',
        label: 'Logs',
        words: 'lines search tail journal',
        icon: <Logs />,
        run: go('/logs'),
      },
      ...(
        [
          ['/alerts', 'Alerts', 'open firing acknowledge problems'],
          ['/alerts/rules', 'Alert rules', 'thresholds starter set'],
          ['/alerts/silences', 'Silences', 'mute maintenance window alerts'],
          ['/alerts/channels', 'Alert channels', 'notifications slack webhook e-mail telegram'],
        ] as const
      ).map(([path, label, words]) => ({
        id: `p-${path}`,
        group: 'Go to',
        label,
        words,
        icon: <Bell />,
        hint: path === '/alerts' ? 'g t' : undefined,
        run: go(path),
      })),
      ...(me && decidesAboutPeople(me)
        ? (
            [
              ['/people', 'People', 'accounts users roles deactivate'],
              ['/people/teams', 'Teams', 'groups members people'],
              ['/people/sharing', 'Sharing', 'grants access people'],
              ['/people/invitations', 'Invitations', 'invite registration people'],
              ['/audit', 'Audit log', 'who did what history verify export'],
            ] as const
          ).map(([path, label, words]) => ({
            id: `p-${path}`,
            group: 'Go to',
            label,
            words,
            icon: path === '/audit' ? <ScrollText /> : <Users />,
            hint: path === '/people' ? 'g p' : path === '/audit' ? 'g a' : undefined,
            run: go(path),
          }))
        : []),
      {
        id: 'p-settings',
        group: 'Go to',
        label: 'Settings',
        words: 'profile theme appearance',
        icon: <Settings />,
        hint: 'g ,',
        run: go('/settings'),
      },
      ...(
        [
          ['security', 'Security settings', 'password two-step code passkey'],
          ['sessions', 'Sessions', 'signed in devices settings'],
          ['tokens', 'API tokens', 'personal access scripts settings'],
          ['keys', 'Agent keys', 'api keys settings'],
        ] as const
      ).map(([path, label, words]) => ({
        id: `p-settings-${path}`,
        group: 'Go to',
        label,
        words,
        icon: <Settings />,
        run: go(`/settings/${path}`),
      })),
    ]
    const other = theme === 'dark' ? 'light' : 'dark'
    const actions: Entry[] = [
      {
        id: 'a-theme',
        group: 'Do',
        label: `Use the ${other} theme`,
        words: 'dark light mode',
        icon: theme === 'dark' ? <Sun /> : <Moon />,
        run: () => setTheme(other),
      },
      {
        id: 'a-keys',
        group: 'Do',
        label: 'Show keyboard shortcuts',
        words: 'help',
        icon: <Keyboard />,
        hint: '?',
        run: onShortcuts,
      },
      {
        id: 'a-out',
        group: 'Do',
        label: 'Sign out',
        words: 'log out',
        icon: <LogOut />,
        run: onSignOut,
      },
    ]
    const current = currentId ? byId.get(currentId) : undefined
    const here: Entry[] = current
      ? [
          ['Metrics', ''],
          ['Commands', '/commands', 'run shell'],
          ['Processes', '/processes', 'top kill signal'],
          ['Services', '/services', 'systemd units restart'],
          ['Containers', '/containers'],
          ['Connections', '/connections'],
          ['Access', '/access'],
          ['Settings', '/settings'],
        ].map(([label, path, words]) => ({
          id: `h-${path}`,
          group: current.server.name,
          label: `${label} of ${current.server.name}`,
          words,
          icon: <Server />,
          run: go(`/servers/${encodeURIComponent(current.server.id)}${path}`),
        }))
      : []
    const servers = function* (): Generator<Entry> {
      for (const row of rows) {
        const { id, name, tags, agent } = row.server
        const status = statusAt(row, now)
        yield {
          id: `s-${id}`,
          group: 'Servers',
          label: name,
          words: `${tags.join(' ')} ${agent?.hostname ?? ''}`,
          icon: <StatusDot tone={STATUS_TONE[status]} className="size-2.5!" />,
          hint: STATUS_SHORT[status],
          run: go(`/servers/${encodeURIComponent(id)}`),
        }
      }
    }
    if (text.trim() === '') {
      const known = new Set(recent.map((entry) => `s-${entry.id}`))
      const latest: Entry[] = []
      for (const entry of servers()) if (known.has(entry.id)) latest.push(entry)
      return [
        ...here.slice(1),
        ...latest.map((entry) => ({ ...entry, group: 'Recent' })),
        ...pages,
        ...actions,
      ]
    }
    return [
      ...find(servers(), text, MOST_SERVERS),
      ...find([...here, ...pages, ...actions], text, 12),
    ]
  }, [text, navigate, currentId, theme, recent, rows, byId, now, me, onShortcuts, onSignOut])
}
