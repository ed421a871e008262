import { api, unwrapOpen } from '@/shared/api/client'
import type { HostUnit, Server } from '@/shared/api/model'
import { Confirm } from '@/shared/ui/confirm'
import { toast } from '@/shared/ui/toast'
import { stateOf } from './unit-list'

export interface UnitAction {
  name: 'start' | 'stop' | 'restart' | 'reload'
  label: string
  effect: string
  done: string
}

const ACTIONS: Record<UnitAction['name'], UnitAction> = {
  start: { name: 'start', label: 'Start', effect: 'systemd starts it.', done: 'Started' },
  stop: {
    name: 'stop',
    label: 'Stop',
    effect: 'What it offers is gone until it is started again, and units that need it stop, too.',
    done: 'Stopped',
  },
  restart: {
    name: 'restart',
    label: 'Restart',
    effect: 'It stops and starts: what it offers is gone for a moment.',
    done: 'Restarted',
  },
  reload: {
    name: 'reload',
    label: 'Reload',
    effect: 'It reads its settings again and goes on. Not every unit can do that.',
    done: 'Reloaded',
  },
}

/** What makes sense with a unit as it is. */
export function actionsOn(unit: HostUnit): UnitAction[] {
  const { start, stop, restart, reload } = ACTIONS
  return stateOf(unit) === 'active' ? [restart, reload, stop] : [start, restart]
}

/** Asks before systemd is asked. What it says instead of doing it is shown as it is. */
export function UnitDialog({
  server,
  unit,
  action,
  onClose,
  onDone,
}: {
  server: Server
  unit: HostUnit
  action: UnitAction
  onClose: () => void
  onDone: () => void
}) {
  return (
    <Confirm
      open
      onOpenChange={(open) => open || onClose()}
      title={`${action.label} ${unit.name} on ${server.name}?`}
      action={`${action.label} ${unit.name}`}
      tone={action.name === 'stop' || action.name === 'restart' ? 'danger' : 'primary'}
      effects={
        <div className="flex flex-col gap-2">
          {unit.description ? <p className="text-ink">{unit.description}</p> : null}
          <p>
            {action.effect} It is {unit.active} ({unit.sub}) now.
          </p>
        </div>
      }
      onConfirm={async () => {
        const command = await unwrapOpen(
          api.POST('/api/v1/servers/{id}/units/{unit}/{action}', {
            params: { path: { id: server.id, unit: unit.name, action: action.name } },
          }),
        )
        const over = command.state === 'ended'
        toast({
          tone: over ? 'ok' : 'info',
          title: over ? action.done : 'It takes longer than usual',
          detail: `${unit.name} on ${server.name}`,
        })
        onDone()
      }}
    />
  )
}
