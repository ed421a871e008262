/** The columns of the servers list: width, order of importance, sorting, cell and CSV value. */
import type { ReactNode } from 'react'
import { SEVERITIES, SEVERITY_TONE } from '@/shared/alerts/severity'
import { STATUS_HINT, STATUS_SHORT, STATUS_TONE, type Status } from '@/shared/fleet/status'
import type { FleetRow } from '@/shared/fleet/store'
import { cn } from '@/shared/lib/cn'
import { decimal, duration, NONE, shortRate } from '@/shared/lib/format'
import { Badge } from '@/shared/ui/badge'
import { Meter } from '@/shared/ui/meter'
import { StatusDot } from '@/shared/ui/status-dot'
import { Ago } from '@/shared/ui/time'

export type ColumnId =
  | 'status'
  | 'name'
  | 'tags'
  | 'alerts'
  | 'cpu'
  | 'mem'
  | 'disk'
  | 'net'
  | 'load'
  | 'temp'
  | 'uptime'
  | 'host'
  | 'os'
  | 'version'
  | 'seen'

export interface CellContext {
  row: FleetRow
  status: Status
}

export interface Column {
  id: ColumnId
  label: string
  /** Least width in px; columns that do not fit are left out, unimportant ones first. */
  width: number
  /** Share of the room that is left over. */
  grow: number
  /** Lower is kept longer. */
  weight: number
  /** Null: not sortable. Live columns hold their order while somebody points at the table. */
  sort: 'text' | 'live' | null
  align?: 'right'
  cell(context: CellContext): ReactNode
  csv(context: CellContext): string | number | null
}

/** Figures of a server that is not online are history: shown faintly. */
const isOld = (status: Status): boolean => status !== 'online'

function figure(context: CellContext, text: string): ReactNode {
  return <span className={cn('tnum', isOld(context.status) && 'text-ink-3')}>{text}</span>
}

export const COLUMNS: readonly Column[] = [
  {
    id: 'status',
    label: 'Status',
    width: 104,
    grow: 0,
    weight: 1,
    sort: 'live',
    cell: ({ status }) => (
      <span className="flex items-center gap-2" title={STATUS_HINT[status]}>
        <StatusDot tone={STATUS_TONE[status]} />
        <span className={cn(status === 'online' ? 'text-ink-2' : 'font-medium')}>
          {STATUS_SHORT[status]}
        </span>
      </span>
    ),
    csv: ({ status }) => status,
  },
  {
    id: 'name',
    label: 'Name',
    width: 136,
    grow: 2,
    weight: 0,
    sort: 'text',
    cell: ({ row }) => row.server.name,
    csv: ({ row }) => row.server.name,
  },
  {
    id: 'tags',
    label: 'Tags',
    width: 112,
    grow: 1.6,
    weight: 8,
    sort: null,
    cell: ({ row }) => <Tags tags={row.server.tags} />,
    csv: ({ row }) => row.server.tags.join(' '),
  },
  {
    id: 'alerts',
    label: 'Alerts',
    width: 72,
    grow: 0,
    weight: 2.5,
    sort: 'live',
    cell: ({ row }) => <OpenAlerts row={row} />,
    csv: ({ row }) => row.server.alerts?.open ?? 0,
  },
  {
    id: 'cpu',
    label: 'CPU',
    width: 108,
    grow: 0.8,
    weight: 2,
    sort: 'live',
    cell: ({ row, status }) => <Meter value={row.server.latest?.cpu} faded={isOld(status)} />,
    csv: ({ row }) => row.server.latest?.cpu ?? null,
  },
  {
    id: 'mem',
    label: 'Memory',
    width: 108,
    grow: 0.8,
    weight: 3,
    sort: 'live',
    cell: ({ row, status }) => <Meter value={row.server.latest?.mem} faded={isOld(status)} />,
    csv: ({ row }) => row.server.latest?.mem ?? null,
  },
  {
    id: 'disk',
    label: 'Disk',
    width: 108,
    grow: 0.8,
    weight: 4,
    sort: 'live',
    cell: ({ row, status }) => <Meter value={row.server.latest?.disk} faded={isOld(status)} />,
    csv: ({ row }) => row.server.latest?.disk ?? null,
  },
  {
    id: 'net',
    label: 'Network',
    width: 128,
    grow: 0.3,
    weight: 6,
    sort: 'live',
    align: 'right',
    cell: (context) => {
      const { rx, tx } = context.row.server.latest ?? {}
      if (rx === undefined && tx === undefined) return <span className="text-ink-3">{NONE}</span>
      return (
        <span
          className={cn(
            'tnum grid grid-cols-2 gap-2 text-right',
            isOld(context.status) && 'text-ink-3',
          )}
        >
          <span>
            <span className="text-ink-3" title="received">
              ↓
            </span>{' '}
            {shortRate(rx)}
          </span>
          <span>
            <span className="text-ink-3" title="sent">
              ↑
            </span>{' '}
            {shortRate(tx)}
          </span>
        </span>
      )
    },
    csv: ({ row }) => row.server.latest?.rx ?? null,
  },
  {
    id: 'load',
    label: 'Load',
    width: 48,
    grow: 0,
    weight: 7,
    sort: 'live',
    align: 'right',
    cell: (context) => figure(context, decimal(context.row.server.latest?.load1)),
    csv: ({ row }) => row.server.latest?.load1 ?? null,
  },
  {
    id: 'temp',
    label: 'Temp.',
    width: 72,
    grow: 0,
    weight: 12,
    sort: 'live',
    align: 'right',
    cell: (context) => {
      const celsius = context.row.server.latest?.temp_max
      return figure(context, typeof celsius === 'number' ? `${celsius.toFixed(0)} °C` : NONE)
    },
    csv: ({ row }) => row.server.latest?.temp_max ?? null,
  },
  {
    id: 'uptime',
    label: 'Uptime',
    width: 92,
    grow: 0,
    weight: 11,
    sort: 'live',
    align: 'right',
    cell: (context) => figure(context, duration(context.row.server.latest?.uptime_s)),
    csv: ({ row }) => row.server.latest?.uptime_s ?? null,
  },
  {
    id: 'host',
    label: 'Host name',
    width: 130,
    grow: 1,
    weight: 14,
    sort: 'text',
    cell: ({ row }) => <span className="text-ink-2">{row.server.agent?.hostname ?? NONE}</span>,
    csv: ({ row }) => row.server.agent?.hostname ?? null,
  },
  {
    id: 'os',
    label: 'System',
    width: 140,
    grow: 1,
    weight: 13,
    sort: 'text',
    cell: ({ row }) => <span className="text-ink-2">{row.server.agent?.os ?? NONE}</span>,
    csv: ({ row }) => row.server.agent?.os ?? null,
  },
  {
    id: 'version',
    label: 'Agent',
    width: 52,
    grow: 0,
    weight: 10,
    sort: 'text',
    align: 'right',
    cell: ({ row }) => <span className="tnum text-ink-2">{row.server.agent?.version ?? NONE}</span>,
    csv: ({ row }) => row.server.agent?.version ?? null,
  },
  {
    id: 'seen',
    label: 'Last seen',
    width: 84,
    grow: 0,
    weight: 9,
    sort: 'live',
    align: 'right',
    cell: ({ row }) =>
      row.heardAt === null ? (
        <span className="text-ink-3">{NONE}</span>
      ) : (
        <Ago at={row.heardAt} className="tnum text-ink-2" />
      ),
    csv: ({ row }) => (row.heardAt === null ? null : new Date(row.heardAt).toISOString()),
  },
]

const BY_ID = new Map(COLUMNS.map((column) => [column.id, column]))

export const DEFAULT_COLUMNS: readonly ColumnId[] = [
  'status',
  'name',
  'alerts',
  'tags',
  'cpu',
  'mem',
  'disk',
  'net',
  'load',
  'version',
  'seen',
]

export const isColumnId = (id: string): id is ColumnId => BY_ID.has(id as ColumnId)

/** Known ones in the given order, with the name always among them: it is the link. */
export function columnsFor(ids: readonly string[]): Column[] {
  const wanted = ids.filter(isColumnId)
  const complete = wanted.includes('name') ? wanted : (['name', ...wanted] as ColumnId[])
  return complete.flatMap((id) => BY_ID.get(id) ?? [])
}

/** What fits into `room` px, leaving out the least important ones. */
export function fitting(columns: readonly Column[], room: number, gap: number): Column[] {
  const kept = [...columns]
  const needed = () => kept.reduce((sum, column) => sum + column.width + gap, 0)
  while (kept.length > 2 && needed() > room) {
    const least = kept.reduce((worst, column) => (column.weight > worst.weight ? column : worst))
    kept.splice(kept.indexOf(least), 1)
  }
  return kept
}

/** How many alerts of each severity are open, the worst first: shape, colour and number. */
export function OpenAlerts({ row }: { row: FleetRow }) {
  const { alerts } = row.server
  if (!alerts || alerts.open === 0) return <span className="text-ink-3">{NONE}</span>
  const there = SEVERITIES.filter((severity) => alerts[severity] > 0)
  const words = there.map((severity) => `${alerts[severity]} ${severity}`).join(', ')
  return (
    <span className="tnum flex items-center gap-2" title={`Open alerts: ${words}`}>
      {there.slice(0, 2).map((severity) => (
        <span key={severity} className="flex items-center gap-1 font-medium">
          <StatusDot tone={SEVERITY_TONE[severity]} />
          {alerts[severity]}
          <span className="sr-only"> {severity}</span>
        </span>
      ))}
    </span>
  )
}

function Tags({ tags }: { tags: readonly string[] }) {
  if (tags.length === 0) return null
  return (
    <span className="flex min-w-0 gap-1 overflow-hidden" title={tags.join(', ')}>
      {tags.slice(0, 3).map((tag) => (
        <Badge key={tag}>{tag}</Badge>
      ))}
      {tags.length > 3 ? <span className="text-2xs text-ink-3">+{tags.length - 3}</span> : null}
    </span>
  )
}
