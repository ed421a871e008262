/**
 * Short messages at the edge of the screen. Never more than three; an equal one is not repeated;
 * errors stay until closed, others leave by themselves unless the pointer or focus rests on them.
 */
import { CheckCircle2, CircleAlert, Info, X } from 'lucide-react'
import { useEffect, useState } from 'react'
import { create } from 'zustand'
import { toProblem } from '../api/problem'
import { Button } from './button'

export interface ToastMessage {
  id: number
  tone: 'ok' | 'info' | 'bad'
  title: string
  detail?: string
  action?: { label: string; run: () => void }
}

const MOST = 3
const LIFETIME_MS = 5_000

const useToasts = create<{ messages: ToastMessage[] }>(() => ({ messages: [] }))
let nextId = 1

export function toast(message: Omit<ToastMessage, 'id'>): void {
  useToasts.setState(({ messages }) => {
    const others = messages.filter(
      (other) => other.title !== message.title || other.detail !== message.detail,
    )
    return { messages: [...others, { ...message, id: nextId++ }].slice(-MOST) }
  })
}

export function toastProblem(title: string, error: unknown): void {
  toast({ tone: 'bad', title, detail: toProblem(error).message })
}

function dismiss(id: number): void {
  useToasts.setState(({ messages }) => ({ messages: messages.filter((other) => other.id !== id) }))
}

const ICONS = { ok: CheckCircle2, info: Info, bad: CircleAlert }
const COLOURS = { ok: 'text-ok', info: 'text-accent', bad: 'text-bad' }

export function Toaster() {
  const messages = useToasts((state) => state.messages)
  return (
    <section
      aria-label="Notifications"
      aria-live="polite"
      className="pointer-events-none fixed right-4 bottom-4 left-4 z-50 flex flex-col items-end gap-2 sm:left-auto"
    >
      {messages.map((message) => (
        <ToastCard key={message.id} message={message} />
      ))}
    </section>
  )
}

function ToastCard({ message }: { message: ToastMessage }) {
  const [held, setHeld] = useState(false)
  const { id, tone } = message

  useEffect(() => {
    if (held || tone === 'bad') return
    const timer = setTimeout(() => dismiss(id), LIFETIME_MS)
    return () => clearTimeout(timer)
  }, [held, id, tone])

  const Icon = ICONS[tone]
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: resting on it only stops the timer
    <div
      className="pointer-events-auto flex w-full animate-rise items-start gap-3 rounded-lg border border-line bg-surface py-2.5 pr-2 pl-3 shadow-float sm:w-88"
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <Icon className={`mt-0.5 size-4 shrink-0 ${COLOURS[tone]}`} aria-hidden="true" />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{message.title}</p>
        {message.detail ? <p className="text-ink-2 text-xs">{message.detail}</p> : null}
        {message.action ? (
          <Button
            size="sm"
            className="mt-2"
            onClick={() => {
              message.action?.run()
              dismiss(id)
            }}
          >
            {message.action.label}
          </Button>
        ) : null}
      </div>
      <Button variant="quiet" size="iconSm" aria-label="Close" onClick={() => dismiss(id)}>
        <X aria-hidden="true" />
      </Button>
    </div>
  )
}
