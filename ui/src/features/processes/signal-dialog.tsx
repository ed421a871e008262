import { api, unwrapOpen } from '@/shared/api/client'
import type { HostProcess, Server } from '@/shared/api/model'
import { Confirm } from '@/shared/ui/confirm'
import { toast } from '@/shared/ui/toast'

export interface Signal {
  name: 'TERM' | 'KILL' | 'INT' | 'HUP' | 'STOP' | 'CONT'
  /** In the menu. */
  label: string
  /** What it does to a program. */
  effect: string
}

export const SIGNALS: readonly Signal[] = [
  { name: 'TERM', label: 'End', effect: 'It is asked to end, and may finish what it is doing.' },
  {
    name: 'KILL',
    label: 'Kill',
    effect: 'It ends at once and cannot clean up: what it has not written is lost.',
  },
  { name: 'INT', label: 'Interrupt', effect: 'As Ctrl and C in a terminal: most programs end.' },
  {
    name: 'HUP',
    label: 'Hang up',
    effect: 'Many services read their settings again; other programs end.',
  },
  { name: 'STOP', label: 'Stop', effect: 'It stands still and keeps its memory until it goes on.' },
  { name: 'CONT', label: 'Go on', effect: 'It goes on, if it was stopped.' },
]

/** Asks before a process is sent a signal. What the host says instead of doing it is shown as it is. */
export function SignalDialog({
  server,
  process,
  signal,
  onClose,
  onDone,
}: {
  server: Server
  process: HostProcess
  signal: Signal
  onClose: () => void
  onDone: () => void
}) {
  const who = `${process.name} (${process.pid})`
  return (
    <Confirm
      open
      onOpenChange={(open) => open || onClose()}
      title={`${signal.label} ${who} on ${server.name}?`}
      action={`${signal.label} ${process.name}`}
      tone={signal.name === 'CONT' || signal.name === 'HUP' ? 'primary' : 'danger'}
      effects={
        <div className="flex flex-col gap-3">
          <p>{signal.effect}</p>
          <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-xs [&_dd]:min-w-0 [&_dd]:break-words [&_dd]:text-ink">
            <dt>Signal</dt>
            <dd className="font-mono">SIG{signal.name}</dd>
            <dt>Host</dt>
            <dd>{server.agent?.hostname ?? server.name}</dd>
            <dt>User</dt>
            <dd>{process.user ?? 'not known'}</dd>
            {process.command ? (
              <>
                <dt>Command</dt>
                <dd className="font-mono">{process.command}</dd>
              </>
            ) : null}
          </dl>
        </div>
      }
      onConfirm={async () => {
        const command = await unwrapOpen(
          api.POST('/api/v1/servers/{id}/processes/{pid}/signal', {
            params: { path: { id: server.id, pid: process.pid } },
            body: { signal: signal.name, start_ticks: process.start_ticks },
          }),
        )
        toast({
          tone: 'ok',
          title: command.state === 'ended' ? 'The signal was sent' : 'The signal is on its way',
          detail: `SIG${signal.name} to ${who} on ${server.name}`,
        })
        onDone()
      }}
    />
  )
}
