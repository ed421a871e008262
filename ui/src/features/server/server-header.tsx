import type { ReactNode } from 'react'
import type { Server } from '@/shared/api/model'
import { STATUS_HINT, STATUS_TEXT, STATUS_TONE, statusAt } from '@/shared/fleet/status'
import type { FleetRow } from '@/shared/fleet/store'
import { cn } from '@/shared/lib/cn'
import {
  bytes,
  bytesPerSecond,
  count,
  decimal,
  duration,
  percent,
  plural,
} from '@/shared/lib/format'
import { useNow } from '@/shared/lib/now'
import { Badge } from '@/shared/ui/badge'
import { StatusDot, type Tone } from '@/shared/ui/status-dot'
import { Ago } from '@/shared/ui/time'
import { useIsLive } from '@/shared/ws/live'
import { GrantBadges } from './permits'

const CHIP: Record<Tone, string> = {
  ok: 'bg-ok-soft text-ok',
  warn: 'bg-warn-soft text-warn',
  bad: 'bg-bad-soft text-bad',
  off: 'bg-hover text-ink-2',
  accent: 'bg-accent-soft text-accent',
}

/** Who this is, how it is, and the figures of this moment. */
export function ServerHeader({ row }: { row: FleetRow }) {
  const now = useNow()
  const live = useIsLive()
  const { server } = row
  const status = statusAt(row, now)
  const tone = STATUS_TONE[status]
  const old = status !== 'online' || !live
  return (
    <header>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1.5">
        <h1 className="min-w-0 truncate font-semibold text-xl tracking-tight">{server.name}</h1>
        <span
          title={STATUS_HINT[status]}
          className={cn(
            'flex h-6 items-center gap-1.5 rounded-full px-2.5 font-medium text-xs',
            CHIP[tone],
          )}
        >
          <StatusDot tone={tone} className="size-2" />
          <span role="status">{STATUS_TEXT[status]}</span>
        </span>
        {old && row.heardAt !== null ? (
          <span className="text-ink-2 text-xs">
            last reading <Ago at={row.heardAt} className="tnum font-medium text-ink" />
          </span>
        ) : null}
        {server.tags.map((tag) => (
          <Badge key={tag}>{tag}</Badge>
        ))}
        {server.agent ? <GrantBadges agent={server.agent} /> : null}
      </div>
      <Identity server={server} />
      {status === 'never' ? null : <Figures row={row} old={old} />}
    </header>
  )
}

function Identity({ server }: { server: Server }) {
  const { agent } = server
  if (!agent) return null
  const parts: ReactNode[] = [
    agent.hostname !== server.name ? agent.hostname : null,
    agent.os,
    agent.kernel,
    agent.arch,
    agent.cores ? plural(agent.cores, 'core') : null,
    agent.memory_total ? bytes(agent.memory_total) : null,
    `agent ${agent.version}`,
  ].filter(Boolean)
  return (
    <p
      className="mt-1 flex flex-wrap gap-x-2 text-ink-2 text-xs"
      title={agent.cpu_model ?? undefined}
    >
      {parts.map((part, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the order is fixed and words may repeat
        <span key={index} className="flex gap-2">
          {part}
          {index < parts.length - 1 ? (
            <span aria-hidden="true" className="text-line-strong">
              ·
            </span>
          ) : null}
        </span>
      ))}
    </p>
  )
}

/** The newest figures in one strip; faint when they are history. */
function Figures({ row, old }: { row: FleetRow; old: boolean }) {
  const { latest } = row.server
  const figures: { label: string; value: string; share?: number | null }[] = [
    { label: 'CPU', value: percent(latest?.cpu), share: latest?.cpu },
    { label: 'Memory', value: percent(latest?.mem), share: latest?.mem },
    ...(typeof latest?.swap === 'number'
      ? [{ label: 'Swap', value: percent(latest.swap), share: latest.swap }]
      : []),
    { label: 'Fullest disk', value: percent(latest?.disk), share: latest?.disk },
    { label: 'Load', value: decimal(latest?.load1) },
    { label: 'Received', value: bytesPerSecond(latest?.rx) },
    { label: 'Sent', value: bytesPerSecond(latest?.tx) },
    ...(typeof latest?.temp_max === 'number'
      ? [{ label: 'Hottest', value: `${latest.temp_max.toFixed(0)} °C` }]
      : []),
    { label: 'Processes', value: count(latest?.processes) },
    { label: 'Up for', value: duration(latest?.uptime_s) },
  ]
  return (
    <dl className="card mt-3 grid grid-cols-[repeat(auto-fit,minmax(6.5rem,1fr))] overflow-hidden">
      {figures.map(({ label, value, share }) => (
        <div key={label} className="-mt-px -ml-px border-line border-t border-l px-3 pt-2 pb-2.5">
          <dt className="truncate text-2xs text-ink-3">{label}</dt>
          <dd
            className={cn(
              'tnum mt-0.5 truncate font-semibold text-base leading-5',
              old ? 'text-ink-3' : 'text-ink',
            )}
          >
            {value}
          </dd>
          <div className="mt-1.5 h-1" aria-hidden="true">
            {share !== undefined ? <Bar value={share} faded={old} /> : null}
          </div>
        </div>
      ))}
    </dl>
  )
}

function Bar({ value, faded }: { value: number | null; faded: boolean }) {
  const width = value === null ? 0 : Math.min(100, Math.max(0, value))
  const colour = width >= 95 ? 'bg-bad' : width >= 85 ? 'bg-warn-mark' : 'bg-accent'
  return (
    <div className="h-1 overflow-hidden rounded-full bg-meter">
      <div
        className={cn('h-full rounded-full', colour, faded && 'opacity-40')}
        style={{ width: `${width}%` }}
      />
    </div>
  )
}
