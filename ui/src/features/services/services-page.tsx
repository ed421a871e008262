import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { MoreHorizontal, RotateCw, Search } from 'lucide-react'
import { useMemo, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { HostUnit, Server } from '@/shared/api/model'
import { plural } from '@/shared/lib/format'
import { parseSorting, sortingText } from '@/shared/lib/sorting'
import { Needs } from '@/shared/servers/needs'
import { Button } from '@/shared/ui/button'
import { Input } from '@/shared/ui/input'
import { type LongColumn, LongTable } from '@/shared/ui/long-table'
import { Menu } from '@/shared/ui/menu'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Segmented } from '@/shared/ui/segmented'
import { Select } from '@/shared/ui/select'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import { StatusDot } from '@/shared/ui/status-dot'
import { Ago } from '@/shared/ui/time'
import { actionsOn, type UnitAction, UnitDialog } from './unit-dialog'
import {
  arrangeUnits,
  DEFAULT_UNIT_SORT,
  UNIT_COLUMNS,
  UNIT_KINDS,
  UNIT_STATES,
  type UnitColumn,
  type UnitFilter,
  unitTone,
} from './unit-list'

export interface ServiceSearch extends UnitFilter {
  sort?: string
}

const COLUMNS: readonly LongColumn<UnitColumn | 'act'>[] = [
  { id: 'name', title: 'Unit' },
  { id: 'state', title: 'State', className: 'w-44 max-sm:w-36' },
  { id: 'act', title: '', sortable: false, className: 'w-14' },
]
const ROW = 48
const STATE_TEXT = { failed: 'Failed', active: 'Active', inactive: 'Inactive' } as const

interface ServicesProps {
  server: Server
  /** The person may operate this server, and its host allows actions. */
  mayAct: boolean
  search: ServiceSearch
  onSearch: (change: ServiceSearch) => void
}

/** systemd's units, as the host answers when asked. */
export function ServicesPage(props: ServicesProps) {
  return (
    <Needs server={props.server.id} capability="processes">
      <Units {...props} />
    </Needs>
  )
}

function Units({ server, mayAct, search, onSearch }: ServicesProps) {
  const query = useQuery({
    queryKey: ['server', server.id, 'units'],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/v1/servers/{id}/units', { params: { path: { id: server.id } }, signal }),
      ),
    placeholderData: keepPreviousData,
    retry: false,
  })
  const [target, setTarget] = useState<{ unit: HostUnit; action: UnitAction } | null>(null)
  const { q, kind, state } = search
  const sorting = parseSorting(search.sort, UNIT_COLUMNS, DEFAULT_UNIT_SORT)
  const { column, descending } = sorting
  const { rows, counts } = useMemo(
    () => arrangeUnits(query.data?.units ?? [], { q, kind, state }, { column, descending }),
    [query.data, q, kind, state, column, descending],
  )
  return (
    <div className="mt-4 flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <Segmented
          label="State"
          value={state ?? ''}
          options={[
            { value: '', label: 'All' },
            ...UNIT_STATES.map((value) => ({
              value,
              label: (
                <>
                  {STATE_TEXT[value]}
                  <span className="text-ink-3">{counts[value]}</span>
                </>
              ),
            })),
          ]}
          onChange={(value) => onSearch({ state: value || undefined })}
        />
        <Select
          aria-label="Kind"
          className="h-8 w-32 text-sm"
          value={kind ?? ''}
          onChange={(event) => onSearch({ kind: event.target.value || undefined })}
        >
          <option value="">All kinds</option>
          {UNIT_KINDS.map((value) => (
            <option key={value} value={value}>
              {`${value.charAt(0).toUpperCase()}${value.slice(1)}s`}
            </option>
          ))}
        </Select>
        <div className="relative min-w-48 max-w-sm flex-1">
          <Search
            className="pointer-events-none absolute top-1/2 left-2.5 size-4 -translate-y-1/2 text-ink-3"
            aria-hidden="true"
          />
          <Input
            type="search"
            aria-label="Find units"
            placeholder="Name or description"
            className="h-8 pl-8 text-sm"
            value={q ?? ''}
            onChange={(event) => onSearch({ q: event.target.value || undefined })}
          />
        </div>
        <Button busy={query.isFetching && !query.isPending} onClick={() => void query.refetch()}>
          <RotateCw aria-hidden="true" />
          Ask again
        </Button>
        {query.data ? (
          <p role="status" className="tnum text-ink-2 text-xs">
            {plural(rows.length, 'unit')}, as of <Ago at={query.dataUpdatedAt} />
          </p>
        ) : null}
      </div>
      {query.isError ? (
        <ProblemPanel
          what={`${server.name} did not list its units`}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      ) : null}
      {query.isPending ? (
        <Late>
          <Skeleton className="h-96" />
        </Late>
      ) : query.data && rows.length === 0 ? (
        <p className="card p-6 text-center text-ink-2">
          {state === 'failed' && !q ? 'No unit has failed.' : 'No unit fits.'}
        </p>
      ) : query.data ? (
        <LongTable
          label="Units"
          columns={mayAct ? COLUMNS : COLUMNS.slice(0, -1)}
          rows={rows}
          keyOf={(unit) => unit.name}
          rowHeight={ROW}
          sorting={sorting}
          onSort={({ column: next, descending: down }) => {
            if (next === 'act') return
            onSearch({ sort: sortingText({ column: next, descending: down }, DEFAULT_UNIT_SORT) })
          }}
          cells={(unit) => (
            <>
              <th scope="row" className="font-normal">
                <span className="block truncate font-medium" title={unit.name}>
                  {unit.name}
                </span>
                <span className="block truncate text-2xs text-ink-3" title={unit.description}>
                  {unit.description}
                </span>
              </th>
              <td>
                <span className="flex items-center gap-2">
                  <StatusDot tone={unitTone(unit)} />
                  <span className="min-w-0 truncate">
                    {unit.active} <span className="text-ink-3">({unit.sub})</span>
                  </span>
                </span>
                {unit.load === 'loaded' ? null : (
                  <span className="block truncate text-2xs text-ink-3">{unit.load}</span>
                )}
              </td>
              {mayAct ? (
                <td className="text-right">
                  <Menu
                    trigger={
                      <Button variant="quiet" size="iconSm" aria-label={`Act on ${unit.name}`}>
                        <MoreHorizontal aria-hidden="true" />
                      </Button>
                    }
                    entries={actionsOn(unit).map((action) => ({
                      kind: 'action' as const,
                      label: action.label,
                      run: () => setTarget({ unit, action }),
                    }))}
                  />
                </td>
              ) : null}
            </>
          )}
        />
      ) : null}
      {target ? (
        <UnitDialog
          server={server}
          unit={target.unit}
          action={target.action}
          onClose={() => setTarget(null)}
          onDone={() => void query.refetch()}
        />
      ) : null}
    </div>
  )
}
