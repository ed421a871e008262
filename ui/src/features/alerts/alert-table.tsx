/** Rows of alerts. While somebody points at them none moves: what is new waits above. */
import { Link, useNavigate } from '@tanstack/react-router'
import { Check } from 'lucide-react'
import { useState } from 'react'
import type { Alert } from '@/shared/api/model'
import { cn } from '@/shared/lib/cn'
import { plural } from '@/shared/lib/format'
import { useHotkeys } from '@/shared/lib/hotkeys'
import { Button } from '@/shared/ui/button'
import { Table } from '@/shared/ui/table'
import { Lasting, SeverityMark, Standing, Values } from './alert-lines'
import { held } from './order'

export function AlertTable({
  alerts,
  history,
  chosen,
  onChoose,
  onAcknowledge,
}: {
  alerts: readonly Alert[]
  history: boolean
  chosen: ReadonlySet<string>
  onChoose: (ids: ReadonlySet<string>) => void
  onAcknowledge: (alerts: readonly Alert[]) => void
}) {
  const [pointed, setPointed] = useState(false)
  const [focused, setFocused] = useState(false)
  const [base, setBase] = useState(alerts)
  const holding = !history && (pointed || focused)
  if (!holding && base !== alerts) setBase(alerts)
  const { rows, waiting } = held(holding ? base : alerts, alerts)
  const toggle = (id: string) => {
    const next = new Set(chosen)
    if (!next.delete(id)) next.add(id)
    onChoose(next)
  }
  useRowKeys(alerts, chosen, toggle, onAcknowledge)
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: pointing at it only holds the order
    <div
      onPointerEnter={(event) => event.pointerType === 'mouse' && setPointed(true)}
      onPointerLeave={() => setPointed(false)}
      onFocus={() => setFocused(true)}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) setFocused(false)
      }}
      onKeyDown={moveFocus}
    >
      <div className="mb-2 flex min-h-7 items-center gap-3 text-ink-2 text-xs">
        <span role="status">{plural(rows.length, 'alert')}</span>
        {waiting > 0 ? (
          <Button size="sm" onClick={() => setBase(alerts)}>
            Show {waiting} new
          </Button>
        ) : holding ? (
          <span className="max-sm:hidden">Order paused</span>
        ) : null}
      </div>
      <Table
        label={history ? 'Alerts that are over' : 'Open alerts'}
        columns={[
          ...(history ? [] : [{ title: 'Select', className: 'w-8 pr-0!', silent: true }]),
          { title: 'Severity', className: 'max-sm:hidden' },
          'What',
          { title: 'Server', className: 'max-md:hidden' },
          { title: 'Value', className: 'max-lg:hidden' },
          { title: 'For', className: 'max-sm:hidden' },
          { title: history ? 'End' : 'Acknowledged', className: 'max-sm:hidden' },
          ...(history ? [] : ['']),
        ]}
      >
        {rows.map(({ item, gone }) => (
          <Row
            key={item.id}
            alert={item}
            gone={gone}
            history={history}
            chosen={chosen.has(item.id)}
            onToggle={() => toggle(item.id)}
            onAcknowledge={() => onAcknowledge([item])}
          />
        ))}
      </Table>
    </div>
  )
}

function Row({
  alert,
  gone,
  history,
  chosen,
  onToggle,
  onAcknowledge,
}: {
  alert: Alert
  gone: boolean
  history: boolean
  chosen: boolean
  onToggle: () => void
  onAcknowledge: () => void
}) {
  const over = alert.state === 'resolved' || gone
  const waits = !over && !alert.acknowledged_at
  return (
    <tr data-alert={alert.id} className={cn('hover:bg-hover', chosen && 'bg-accent-soft')}>
      {history ? null : (
        <td className="pr-0!">
          <input
            type="checkbox"
            aria-label={`Select ${alert.name} on ${alert.server_name}`}
            checked={chosen}
            onChange={onToggle}
            className="hit size-4 accent-accent"
          />
        </td>
      )}
      <td className="max-sm:hidden">
        <SeverityMark severity={alert.severity} over={over} />
      </td>
      <th scope="row" className="w-full max-w-0">
        <span className="mb-0.5 block sm:hidden">
          <SeverityMark severity={alert.severity} over={over} />
        </span>
        <Link
          to="/alerts/$id"
          params={{ id: alert.id }}
          data-row=""
          className={cn(
            'block truncate hover:underline max-sm:whitespace-normal',
            waits ? 'font-semibold' : 'font-medium',
          )}
        >
          {alert.name}
          {alert.device ? <span className="text-ink-2"> · {alert.device}</span> : null}
        </Link>
        <span className="block truncate text-ink-3 text-xs">
          <span className="md:hidden">{alert.server_name} · </span>
          <span className="font-mono">{alert.wording}</span>
        </span>
        <span className="block text-xs sm:hidden">
          {alert.values.length > 0 ? (
            <>
              <Values values={alert.values} /> ·{' '}
            </>
          ) : null}
          <Lasting alert={alert} /> · <Standing alert={alert} />
        </span>
      </th>
      <td className="max-w-48 truncate max-md:hidden">
        <Link to="/servers/$id" params={{ id: alert.server_id }} className="hover:underline">
          {alert.server_name || alert.server_id}
        </Link>
      </td>
      <td className="max-w-40 truncate max-lg:hidden" title="What was measured when it was raised">
        <Values values={alert.values} />
      </td>
      <td className="text-ink-2 max-sm:hidden">
        <Lasting alert={alert} />
      </td>
      <td className="max-w-64 truncate max-sm:hidden">
        {gone ? <span className="text-ink-3">Not here any more</span> : <Standing alert={alert} />}
      </td>
      {history ? null : (
        <td className="text-right">
          <Button
            size="sm"
            className={cn(!waits && 'invisible')}
            aria-label={`Acknowledge ${alert.name} on ${alert.server_name}`}
            onClick={onAcknowledge}
          >
            <Check className="sm:hidden" aria-hidden="true" />
            <span className="max-sm:sr-only">Acknowledge</span>
          </Button>
        </td>
      )}
    </tr>
  )
}

/** Arrow keys go from alert to alert. */
function moveFocus(event: React.KeyboardEvent<HTMLElement>) {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-row]')]
  const row = (event.target as HTMLElement).closest('tr')
  const at = links.findIndex((link) => row?.contains(link))
  const next = links[at + (event.key === 'ArrowDown' ? 1 : -1)]
  if (!next) return
  event.preventDefault()
  next.focus()
}

/** `x` selects the alert that has the focus, `a` acknowledges it or all that are selected, `m` opens a silence for it. */
function useRowKeys(
  alerts: readonly Alert[],
  chosen: ReadonlySet<string>,
  toggle: (id: string) => void,
  onAcknowledge: (alerts: readonly Alert[]) => void,
) {
  const navigate = useNavigate()
  const focused = () => {
    const row = document.activeElement?.closest<HTMLElement>('tr[data-alert]')
    return alerts.find(({ id }) => id === row?.dataset.alert)
  }
  useHotkeys({
    x: () => {
      const alert = focused()
      if (alert) toggle(alert.id)
    },
    a: () => {
      const alert = focused()
      const list =
        chosen.size > 0 ? alerts.filter(({ id }) => chosen.has(id)) : alert ? [alert] : []
      if (list.length > 0) onAcknowledge(list)
    },
    m: () => {
      const alert = focused()
      if (!alert) return
      void navigate({
        to: '/alerts/silences',
        search: { new: 'yes', server: alert.server_id, rule: alert.rule_id },
      })
    },
  })
}
