import { Accessibility, Circle, Plus, Search, SquareTerminal, X } from 'lucide-react'
import {
  type ReactNode,
  useCallback,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { setPrefs, usePrefs } from '@/shared/lib/prefs'
import { Button } from '@/shared/ui/button'
import { Confirm } from '@/shared/ui/confirm'
import { CopyButton } from '@/shared/ui/copy'
import { Empty } from '@/shared/ui/empty'
import { Input } from '@/shared/ui/input'
import { readTabs, writeTabs } from './open-tabs'
import { TermSession } from './term-session'
import { TerminalView } from './terminal-view'

interface Tab {
  id: number
  session: TermSession
  container?: string
}

interface Paste {
  text: string
  answer(go: boolean): void
}

/** Pasted lines run as they come; more than one is worth a look first. */
const isLong = (text: string) => /[\r\n]/.test(text.trimEnd()) || text.length > 5_000

/** The terminals of one server. */
export function TerminalPage({
  server,
  name,
  allowed,
  container,
  session: wanted,
  onSession,
  historyLink,
}: {
  server: string
  name: string
  /** The host's own settings say that it allows terminals. */
  allowed: boolean
  /** A shell in this container was asked for. */
  container?: string
  /** The session in the address. */
  session?: string
  onSession: (session: string | undefined) => void
  historyLink: ReactNode
}) {
  const [tabs, setTabs] = useState<Tab[]>([])
  const [active, setActive] = useState<number | null>(null)
  const [tried, setTried] = useState(allowed)
  const [paste, setPaste] = useState<Paste | null>(null)
  const [searching, setSearching] = useState(false)
  const screenReader = usePrefs((prefs) => prefs.screenReader)
  const nextId = useRef(1)
  const toolbar = useRef<HTMLButtonElement>(null)
  const all = useRef<Tab[]>([])
  all.current = tabs

  const add = useCallback(
    (options: { session?: string; container?: string }) => {
      const id = nextId.current++
      const session = new TermSession({
        server,
        ...options,
        screenReader: usePrefs.getState().screenReader,
        mayPaste: (text) =>
          isLong(text)
            ? new Promise((resolve) => setPaste({ text, answer: resolve }))
            : Promise.resolve(true),
        onLeave: () => toolbar.current?.focus(),
        onSearch: () => setSearching(true),
      })
      setTabs((before) => [...before, { id, session, container: options.container }])
      setActive(id)
    },
    [server],
  )

  // What this page had open, what the address names, or one to begin with.
  const began = useRef(false)
  useEffect(() => {
    if (began.current || !tried) return
    began.current = true
    const known = readTabs(server)
    for (const session of known.filter((one) => one !== wanted)) add({ session })
    if (wanted) add({ session: wanted })
    else if (container) add({ container })
    else if (known.length === 0) add({})
  }, [add, server, wanted, container, tried])

  useEffect(
    () => () => {
      for (const tab of all.current) tab.session.dispose()
      began.current = false
      setTabs([])
    },
    [],
  )

  useEffect(() => {
    const retry = () => {
      if (document.visibilityState !== 'visible') return
      for (const tab of all.current) tab.session.retryNow()
    }
    window.addEventListener('online', retry)
    document.addEventListener('visibilitychange', retry)
    return () => {
      window.removeEventListener('online', retry)
      document.removeEventListener('visibilitychange', retry)
    }
  }, [])

  const shown = tabs.find((tab) => tab.id === active) ?? tabs.at(-1)

  const remember = useCallback(() => {
    const open = all.current.flatMap((tab) => {
      const { opened, wire } = tab.session.snapshot()
      return opened && wire.kind !== 'ended' && wire.kind !== 'refused' ? [opened.session] : []
    })
    if (all.current.length > 0) writeTabs(server, open)
  }, [server])

  const close = (tab: Tab) => {
    const { wire } = tab.session.snapshot()
    if (wire.kind === 'open') tab.session.close()
    else tab.session.dispose()
    const left = tabs.filter((other) => other !== tab)
    all.current = left
    setTabs(left)
    if (left.length === 0) writeTabs(server, [])
    setActive(left.at(-1)?.id ?? null)
  }

  if (!tried) {
    return (
      <Empty
        icon={<SquareTerminal aria-hidden="true" />}
        title={`${name} does not allow terminals`}
        action={
          <Button variant="primary" onClick={() => setTried(true)}>
            Open a terminal
          </Button>
        }
      >
        <p>
          What may be done on a host is decided on the host. To allow terminals for half an hour,
          run there:
        </p>
        <p className="mt-3 flex items-center justify-center gap-2">
          <code className="rounded bg-sunken px-2 py-1 font-mono text-xs">
            chatops-agent grant terminal 30m
          </code>
          <CopyButton iconOnly text="chatops-agent grant terminal 30m" label="Copy the command" />
        </p>
      </Empty>
    )
  }

  return (
    <div className="mt-3 flex h-[calc(100dvh-15rem)] min-h-80 flex-col gap-2">
      <div className="flex flex-wrap items-center gap-1.5">
        <ul aria-label="Open terminals" className="flex min-w-0 flex-wrap gap-1">
          {tabs.map((tab, index) => (
            <TabButton
              key={tab.id}
              tab={tab}
              number={index + 1}
              name={name}
              selected={tab === shown}
              onSelect={() => setActive(tab.id)}
              onClose={() => close(tab)}
              onOpened={() => {
                remember()
                if (tab === shown) onSession(tab.session.snapshot().opened?.session)
              }}
            />
          ))}
        </ul>
        <Button ref={toolbar} size="sm" onClick={() => add({})}>
          <Plus aria-hidden="true" />
          New terminal
        </Button>
        <span className="flex-1" />
        <Button
          size="sm"
          variant="quiet"
          aria-pressed={screenReader}
          onClick={() => {
            setPrefs({ screenReader: !screenReader })
            for (const tab of tabs) tab.session.screenReader = !screenReader
          }}
        >
          <Accessibility aria-hidden="true" />
          Screen reader
        </Button>
        <Button size="sm" variant="quiet" onClick={() => setSearching((now) => !now)}>
          <Search aria-hidden="true" />
          Search
        </Button>
        {historyLink}
      </div>
      {searching && shown ? (
        <SearchBar session={shown.session} onClose={() => setSearching(false)} />
      ) : null}
      {shown ? (
        <TerminalView
          key={shown.id}
          session={shown.session}
          label={`Terminal of ${name}`}
          onNew={() => {
            close(shown)
            add({ container: shown.container })
          }}
        />
      ) : (
        <Empty
          icon={<SquareTerminal aria-hidden="true" />}
          title="No terminal is open"
          action={
            <Button variant="primary" onClick={() => add({})}>
              Open a terminal
            </Button>
          }
        />
      )}
      <p className="text-2xs text-ink-3">
        Ctrl Shift C copies, Ctrl Shift V pastes, Ctrl Shift F searches, Ctrl Shift L leaves the
        terminal. A closed page leaves the shell running for ten minutes.
      </p>
      <Confirm
        open={paste !== null}
        onOpenChange={(open) => {
          if (open) return
          paste?.answer(false)
          setPaste(null)
        }}
        tone="primary"
        title="Paste several lines?"
        action="Paste"
        effects={
          <>
            <p>The shell may run each line as it comes.</p>
            <pre className="mt-2 max-h-48 overflow-auto rounded bg-sunken p-2 font-mono text-xs">
              {paste?.text.slice(0, 5_000)}
            </pre>
          </>
        }
        onConfirm={async () => paste?.answer(true)}
      />
    </div>
  )
}

function TabButton({
  tab,
  number,
  name,
  selected,
  onSelect,
  onClose,
  onOpened,
}: {
  tab: Tab
  number: number
  name: string
  selected: boolean
  onSelect: () => void
  onClose: () => void
  onOpened: () => void
}) {
  const { opened, wire, title } = useSyncExternalStore(tab.session.subscribe, tab.session.snapshot)
  const label = title || (tab.container ?? `Shell ${number}`)
  const session = opened?.session
  const over = wire.kind === 'ended' || wire.kind === 'refused'
  // biome-ignore lint/correctness/useExhaustiveDependencies: told when the session or the choice changes
  useEffect(() => {
    if (session || over) onOpened()
  }, [session, over, selected])
  return (
    <li
      className={`flex items-center rounded-md border ${selected ? 'border-accent bg-accent-soft' : 'border-line bg-surface'}`}
    >
      <button
        type="button"
        aria-current={selected}
        className="flex h-8 max-w-56 items-center gap-1.5 truncate px-2.5 text-xs"
        onClick={onSelect}
      >
        <span className="truncate">{label}</span>
        {opened?.recorded ? (
          <span className="flex items-center gap-1 text-bad">
            <Circle aria-hidden="true" className="size-2.5 fill-current" />
            Recorded
          </span>
        ) : null}
        {over ? <span className="text-ink-3">over</span> : null}
      </button>
      <button
        type="button"
        aria-label={`Close ${label} on ${name}`}
        className="grid size-7 place-items-center text-ink-3 hover:text-ink"
        onClick={onClose}
      >
        <X aria-hidden="true" className="size-3.5" />
      </button>
    </li>
  )
}

function SearchBar({ session, onClose }: { session: TermSession; onClose: () => void }) {
  const [text, setText] = useState('')
  const find = (back: boolean) => {
    if (text === '') return
    void session.find(text, back)
  }
  return (
    <form
      className="flex items-center gap-2"
      onSubmit={(event) => {
        event.preventDefault()
        find(true)
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return
        onClose()
        session.term.focus()
      }}
    >
      <Input
        autoFocus
        aria-label="Search in the terminal"
        className="max-w-xs"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <Button size="sm" type="submit">
        Previous
      </Button>
      <Button size="sm" onClick={() => find(false)}>
        Next
      </Button>
    </form>
  )
}
