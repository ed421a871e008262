import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { useResolvedTheme } from '@/shared/lib/theme'
import { Button } from '@/shared/ui/button'
import type { TermSession, TermState } from './term-session'
import type { Ending, Refusal } from './wire'

const REASON: Record<string, string> = {
  exited: 'The shell ended',
  closed: 'The terminal was closed',
  idle: 'The terminal was closed because nobody typed for a long time',
  abandoned: 'The terminal was closed because nobody came back to it',
  agent_stopped: 'The agent on the host stopped, and the shell with it',
  revoked: 'You may no longer use this terminal',
  failed: 'The terminal could not go on',
}

export function endingText(ending: Ending): string {
  const reason = REASON[ending.reason] ?? 'The terminal is over'
  const code = ending.exitCode !== null && ending.exitCode !== 0 ? ` with ${ending.exitCode}` : ''
  return `${reason}${code}${ending.message ? `: ${ending.message}` : ''}.`
}

/** The screen of one session and, over it, what its line has to say. */
export function TerminalView({
  session,
  label,
  onNew,
}: {
  session: TermSession
  label: string
  onNew: () => void
}) {
  const place = useRef<HTMLDivElement>(null)
  const theme = useResolvedTheme()
  const state = useSyncExternalStore(session.subscribe, session.snapshot)

  useEffect(() => {
    const element = place.current
    if (!element) return
    let live = true
    let observer: ResizeObserver | null = null
    // Measured with another font, the columns would be of another width.
    void document.fonts
      .load('13px "JetBrains Mono Variable"')
      .catch(() => [])
      .then(() => {
        if (!live) return
        session.mount(element)
        session.term.focus()
        observer = new ResizeObserver(() => session.fit())
        observer.observe(element)
      })
    return () => {
      live = false
      observer?.disconnect()
    }
  }, [session])

  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are those of the theme
  useEffect(() => session.restyle(), [session, theme])

  return (
    <div className="relative min-h-0 flex-1 rounded-lg border border-line bg-sunken p-2">
      {/* biome-ignore lint/a11y/useSemanticElements: a terminal is no fieldset */}
      <div
        ref={place}
        role="group"
        aria-label={`${label}; press Ctrl Shift L to leave the terminal`}
        className="h-full"
      />
      <Banner state={state} session={session} onNew={onNew} />
    </div>
  )
}

function Banner({
  state,
  session,
  onNew,
}: {
  state: TermState
  session: TermSession
  onNew: () => void
}) {
  const { wire, opened, typedAt } = state
  const now = useTick(wire.kind === 'reconnecting' || wire.kind === 'open')
  if (wire.kind === 'open') {
    const left = opened ? opened.idleS - (now - typedAt) / 1_000 : Number.POSITIVE_INFINITY
    if (left > 60) return null
    return (
      <Note>
        Closes in {Math.max(0, Math.ceil(left))} s because nobody types. Press a key to keep it.
      </Note>
    )
  }
  if (wire.kind === 'connecting') return <Note>Connecting…</Note>
  if (wire.kind === 'stopped') return null
  if (wire.kind === 'reconnecting') {
    const wait = Math.ceil((wire.retryAt - now) / 1_000)
    return (
      <Note>
        The line is broken; the shell goes on. Reconnecting{wait > 0 ? ` in ${wait} s` : '…'}
        <Button size="sm" onClick={() => session.retryNow()}>
          Retry now
        </Button>
      </Note>
    )
  }
  if (wire.kind === 'taken') {
    return (
      <Note>
        This terminal is open in another window.
        <Button size="sm" onClick={() => session.retryNow()}>
          Use it here
        </Button>
      </Note>
    )
  }
  return (
    <Note>
      <span className="min-w-0">
        {wire.kind === 'ended' ? endingText(wire.ending) : refusalText(wire.refusal)}
      </span>
      <Button size="sm" variant="primary" onClick={onNew}>
        Open a new terminal
      </Button>
    </Note>
  )
}

export function refusalText(refusal: Refusal): string {
  return refusal.detail ? `${refusal.message}: ${refusal.detail}` : refusal.message
}

function Note({ children }: { children: React.ReactNode }) {
  return (
    <div
      role="status"
      className="absolute inset-x-3 bottom-3 flex flex-wrap items-center justify-between gap-3 rounded-md border border-line-strong bg-surface px-3 py-2 shadow-float"
    >
      {children}
    </div>
  )
}

/** The page's clock, every second while it matters. */
function useTick(running: boolean): number {
  const [now, setNow] = useState(() => performance.now())
  useEffect(() => {
    if (!running) return
    setNow(performance.now())
    const timer = window.setInterval(() => setNow(performance.now()), 1_000)
    return () => window.clearInterval(timer)
  }, [running])
  return now
}
