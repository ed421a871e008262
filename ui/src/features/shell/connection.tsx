import { RotateCw } from 'lucide-react'
import { useEffect, useState } from 'react'
import { cn } from '@/shared/lib/cn'
import { StatusDot, type Tone } from '@/shared/ui/status-dot'
import { liveSocket, useLive } from '@/shared/ws/live'
import type { ConnectionState } from '@/shared/ws/socket'

interface Saying {
  tone: Tone
  text: string
  retry: boolean
}

function say(state: ConnectionState): Saying {
  switch (state.kind) {
    case 'live':
      return { tone: 'ok', text: 'Live', retry: false }
    case 'connecting':
      return { tone: 'off', text: 'Connecting', retry: false }
    case 'reconnecting':
      return { tone: 'warn', text: 'Reconnecting', retry: true }
    case 'offline':
      return { tone: 'bad', text: 'Offline', retry: true }
    case 'stopped':
      return { tone: 'off', text: 'Not connected', retry: false }
  }
}

/** Whether what is on screen is live. Always in sight; the word is announced when it changes. */
export function Connection() {
  const state = useLive((live) => live.connection)
  const { tone, text, retry } = say(state)
  return (
    <div
      className={cn(
        'flex h-8 items-center gap-2 rounded-full border px-3 text-xs',
        tone === 'warn' && 'border-transparent bg-warn-soft',
        tone === 'bad' && 'border-transparent bg-bad-soft',
      )}
    >
      <StatusDot tone={tone} className={retry ? 'animate-breathe' : undefined} />
      <span role="status" data-connection={state.kind} className="font-medium">
        {text}
      </span>
      {retry && 'retryAt' in state ? <Retry at={state.retryAt} /> : null}
    </div>
  )
}

/** The socket's clock is monotonic (`performance.now`), so a changed system time cannot stall it. */
function Retry({ at }: { at: number }) {
  const [now, setNow] = useState(() => performance.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 250)
    return () => clearInterval(timer)
  }, [])
  const seconds = Math.max(0, Math.ceil((at - now) / 1000))
  return (
    <>
      <span className="tnum w-[4ch] text-ink-2">
        {at === 0 || seconds === 0 ? '' : `${seconds} s`}
      </span>
      <button
        type="button"
        className="hit flex items-center gap-1 rounded font-medium text-accent hover:text-accent-strong"
        onClick={() => liveSocket.retryNow()}
      >
        <RotateCw className="size-3.5" aria-hidden="true" />
        <span className="max-sm:sr-only">Retry now</span>
      </button>
    </>
  )
}
