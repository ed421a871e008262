import { useQuery } from '@tanstack/react-query'
import { Terminal } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'
import { Download, Pause, Play } from 'lucide-react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import { download } from '@/shared/lib/download'
import { useResolvedTheme } from '@/shared/lib/theme'
import { Button } from '@/shared/ui/button'
import { Input } from '@/shared/ui/input'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Select } from '@/shared/ui/select'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import { Switch } from '@/shared/ui/switch'
import { type Cast, findInCast, parseCast, withoutPauses } from './cast'
import { allowOwnStyles } from './csp-nonce'
import { terminalTheme } from './theme'

const SPEEDS = [0.5, 1, 2, 4, 8]
const LONGEST_PAUSE_S = 2

const clock = (s: number) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, '0')}`

/** Plays the recording of a terminal. */
export function PlayerPage({
  server,
  session,
  at,
}: {
  server: string
  session: string
  at: number
}) {
  const query = useQuery({
    queryKey: ['server', server, 'recording', session],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/v1/servers/{id}/terminals/{session}/recording', {
          params: { path: { id: server, session } },
          parseAs: 'text',
          signal,
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
  })
  if (query.isError) {
    return (
      <ProblemPanel
        className="mt-4"
        what="The recording could not be loaded"
        error={query.error}
        onRetry={() => void query.refetch()}
      />
    )
  }
  if (query.data === undefined) {
    return (
      <Late>
        <Skeleton className="mt-4 h-96" />
      </Late>
    )
  }
  return <Player text={query.data} session={session} at={at} />
}

function Player({ text, session, at }: { text: string; session: string; at: number }) {
  const [skip, setSkip] = useState(true)
  const [speed, setSpeed] = useState(1)
  const [playing, setPlaying] = useState(at === 0)
  const [now, setNow] = useState(at)
  const [search, setSearch] = useState('')
  const whole = useMemo(() => parseCast(text), [text])
  const cast = useMemo(() => (skip ? withoutPauses(whole, LONGEST_PAUSE_S) : whole), [whole, skip])
  const found = useMemo(() => findInCast(cast, search), [cast, search])
  const place = useRef<HTMLDivElement>(null)
  const screen = useScreen(place, cast)

  const seek = useCallback(
    (to: number) => {
      setNow(to)
      screen(to)
    },
    [screen],
  )

  // biome-ignore lint/correctness/useExhaustiveDependencies: shown anew when the recording is another
  useEffect(() => {
    seek(Math.min(now, cast.length))
  }, [cast])

  useEffect(() => {
    if (!playing) return
    let last = performance.now()
    let frame = 0
    const step = (time: number) => {
      const passed = ((time - last) / 1_000) * speed
      last = time
      setNow((before) => {
        const next = Math.min(before + passed, cast.length)
        screen(next)
        if (next >= cast.length) setPlaying(false)
        return next
      })
      frame = requestAnimationFrame(step)
    }
    frame = requestAnimationFrame(step)
    return () => cancelAnimationFrame(frame)
  }, [playing, speed, cast, screen])

  const next = found.find((time) => time > now + 0.01) ?? found[0]
  return (
    <div className="mt-4 flex flex-col gap-3">
      <div ref={place} className="overflow-x-auto rounded-lg border border-line bg-sunken p-2" />
      <div className="flex flex-wrap items-center gap-3">
        <Button
          variant="primary"
          onClick={() => {
            if (!playing && now >= cast.length) seek(0)
            setPlaying(!playing)
          }}
        >
          {playing ? <Pause aria-hidden="true" /> : <Play aria-hidden="true" />}
          {playing ? 'Pause' : 'Play'}
        </Button>
        <input
          type="range"
          aria-label="Position"
          className="min-w-40 flex-1"
          min={0}
          max={cast.length}
          step={0.1}
          value={now}
          aria-valuetext={`${clock(now)} of ${clock(cast.length)}`}
          onChange={(event) => seek(Number(event.target.value))}
        />
        <span className="tnum text-xs">
          {clock(now)} / {clock(cast.length)}
        </span>
        <Select
          aria-label="Speed"
          value={String(speed)}
          onChange={(event) => setSpeed(Number(event.target.value))}
        >
          {SPEEDS.map((one) => (
            <option key={one} value={one}>
              {one}×
            </option>
          ))}
        </Select>
        <Switch label="Skip pauses" checked={skip} onChange={setSkip} />
        <Button onClick={() => download(`${session}.cast`, 'application/x-asciicast', text)}>
          <Download aria-hidden="true" />
          Download
        </Button>
      </div>
      <form
        className="flex flex-wrap items-center gap-2"
        onSubmit={(event) => {
          event.preventDefault()
          if (next !== undefined) {
            setPlaying(false)
            seek(next)
          }
        }}
      >
        <Input
          aria-label="Search in the recording"
          placeholder="Search in the output"
          className="max-w-xs"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <Button type="submit" disabled={next === undefined}>
          Next
        </Button>
        <span role="status" className="text-ink-3 text-xs">
          {search === '' ? '' : `${found.length} found`}
        </span>
      </form>
    </div>
  )
}

/** Returns the way to show the recording as it was at a time. Going on is cheap, going back starts over. */
function useScreen(place: React.RefObject<HTMLDivElement | null>, cast: Cast) {
  const theme = useResolvedTheme()
  const screen = useRef<{ term: Terminal; cast: Cast | null; next: number } | null>(null)
  useEffect(() => {
    const element = place.current
    if (!element) return
    allowOwnStyles()
    const term = new Terminal({
      disableStdin: true,
      fontFamily: '"JetBrains Mono Variable", ui-monospace, monospace',
      fontSize: 13,
      theme: terminalTheme(),
      screenReaderMode: true,
    })
    term.open(element)
    screen.current = { term, cast: null, next: 0 }
    return () => {
      screen.current = null
      term.dispose()
    }
  }, [place])
  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are those of the theme
  useEffect(() => {
    if (screen.current) screen.current.term.options.theme = terminalTheme()
  }, [theme])
  return useCallback(
    (to: number) => {
      const now = screen.current
      if (!now) return
      const shown = now.cast === cast ? cast.events[now.next - 1]?.at : undefined
      if (now.cast !== cast || (shown !== undefined && shown > to)) {
        now.cast = cast
        now.next = 0
        now.term.reset()
        now.term.resize(cast.cols, cast.rows)
      }
      for (let event = cast.events[now.next]; event && event.at <= to; ) {
        if (event.kind === 'o') now.term.write(event.data)
        else {
          const [cols, rows] = event.data.split('x').map(Number)
          if (cols && rows) now.term.resize(cols, rows)
        }
        now.next += 1
        event = cast.events[now.next]
      }
    },
    [cast],
  )
}
