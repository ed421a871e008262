import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { ListTree, MoreHorizontal, RotateCw, Search } from 'lucide-react'
import { useMemo, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { HostProcess, Server } from '@/shared/api/model'
import { bytes, plural } from '@/shared/lib/format'
import { parseSorting, sortingText } from '@/shared/lib/sorting'
import { Button } from '@/shared/ui/button'
import { Input } from '@/shared/ui/input'
import { type LongColumn, LongTable } from '@/shared/ui/long-table'
import { Menu } from '@/shared/ui/menu'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import { Ago } from '@/shared/ui/time'
import { arrange, DEFAULT_PROCESS_SORT, PROCESS_COLUMNS, type ProcessColumn } from './process-list'
import { SIGNALS, type Signal, SignalDialog } from './signal-dialog'

export interface ProcessSearch {
  view?: 'all'
  q?: string
  sort?: string
  tree?: true
}

const COLUMNS: readonly LongColumn<ProcessColumn | 'act'>[] = [
  { id: 'name', title: 'Process' },
  { id: 'pid', title: 'Number', numeric: true, className: 'w-24 max-sm:hidden' },
  { id: 'user', title: 'User', className: 'w-28 max-md:hidden' },
  { id: 'state', title: 'State', className: 'w-28 max-lg:hidden' },
  { id: 'cpu', title: 'CPU', numeric: true, descendingFirst: true, className: 'w-22 max-sm:w-18' },
  {
    id: 'mem',
    title: 'Memory',
    numeric: true,
    descendingFirst: true,
    className: 'w-26 max-sm:w-22',
  },
  {
    id: 'threads',
    title: 'Threads',
    numeric: true,
    descendingFirst: true,
    className: 'w-22 max-lg:hidden',
  },
  { id: 'started', title: 'Began', descendingFirst: true, className: 'w-28 max-md:hidden' },
  { id: 'act', title: '', sortable: false, className: 'w-14 max-sm:w-12' },
]

const STATES: Record<string, string> = {
  R: 'Running',
  S: 'Sleeping',
  D: 'Waiting for disk',
  Z: 'Zombie',
  T: 'Stopped',
  I: 'Idle',
}
const ROW = 44

/** Everything that runs, as the host answers when asked. */
export function AllProcesses({
  server,
  mayAct,
  search,
  onSearch,
}: {
  server: Server
  /** The person may operate this server; whether the host allows it is the host's to say. */
  mayAct: boolean
  search: ProcessSearch
  onSearch: (change: ProcessSearch) => void
}) {
  const query = useQuery({
    queryKey: ['server', server.id, 'processes'],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/v1/servers/{id}/processes', {
          params: { path: { id: server.id } },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
    retry: false,
  })
  const [target, setTarget] = useState<{ process: HostProcess; signal: Signal } | null>(null)
  const { q = '', tree = false } = search
  const sorting = parseSorting(search.sort, PROCESS_COLUMNS, DEFAULT_PROCESS_SORT)
  const { column, descending } = sorting
  const { rows, matching } = useMemo(
    () => arrange(query.data?.processes ?? [], q, { column, descending }, tree),
    [query.data, q, column, descending, tree],
  )
  return (
    <div className="mt-3 flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <div className="relative min-w-48 max-w-sm flex-1">
          <Search
            className="pointer-events-none absolute top-1/2 left-2.5 size-4 -translate-y-1/2 text-ink-3"
            aria-hidden="true"
          />
          <Input
            type="search"
            aria-label="Find processes"
            placeholder="Name, command, user, number"
            className="h-8 pl-8 text-sm"
            value={q}
            onChange={(event) => onSearch({ q: event.target.value || undefined })}
          />
        </div>
        <Button aria-pressed={tree} onClick={() => onSearch({ tree: tree ? undefined : true })}>
          <ListTree aria-hidden="true" />
          Tree
        </Button>
        <Button busy={query.isFetching && !query.isPending} onClick={() => void query.refetch()}>
          <RotateCw aria-hidden="true" />
          Ask again
        </Button>
        {query.data ? (
          <p role="status" className="tnum text-ink-2 text-xs">
            {q
              ? `${matching} of ${plural(query.data.processes.length, 'process', 'processes')}`
              : plural(query.data.total, 'process', 'processes')}
            {query.data.total > query.data.processes.length
              ? ` (the host sent ${query.data.processes.length})`
              : ''}
            , as of <Ago at={query.dataUpdatedAt} />
          </p>
        ) : null}
      </div>
      {query.isError ? (
        <ProblemPanel
          what={`${server.name} did not list its processes`}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      ) : null}
      {query.isPending ? (
        <Late>
          <Skeleton className="h-96" />
        </Late>
      ) : query.data && rows.length === 0 ? (
        <p className="card p-6 text-center text-ink-2">No process is called “{q}”.</p>
      ) : query.data ? (
        <LongTable
          label="All processes"
          columns={mayAct ? COLUMNS : COLUMNS.slice(0, -1)}
          rows={rows}
          keyOf={({ process }) => `${process.pid}-${process.start_ticks}`}
          rowHeight={ROW}
          sorting={sorting}
          onSort={({ column: next, descending: down }) => {
            if (next === 'act') return
            onSearch({
              sort: sortingText({ column: next, descending: down }, DEFAULT_PROCESS_SORT),
            })
          }}
          cells={({ process, depth }) => (
            <>
              <th scope="row" className="font-normal">
                <span
                  className="block min-w-0"
                  style={{ paddingLeft: `${Math.min(depth, 12) * 14}px` }}
                >
                  <span className="flex items-baseline gap-2">
                    <span className="truncate font-medium">{process.name}</span>
                    <span className="tnum shrink-0 text-2xs text-ink-3 sm:hidden">
                      {process.pid}
                    </span>
                  </span>
                  <span
                    className="block truncate font-mono text-2xs text-ink-3"
                    title={process.command || undefined}
                  >
                    {process.command}
                  </span>
                </span>
              </th>
              <td className="tnum text-right max-sm:hidden">{process.pid}</td>
              <td className="truncate text-ink-2 max-md:hidden">{process.user ?? ''}</td>
              <td className="truncate text-ink-2 max-lg:hidden">
                {STATES[process.state] ?? process.state}
              </td>
              <td className="tnum whitespace-nowrap text-right">
                {process.cpu === null ? '–' : `${process.cpu.toFixed(1)} %`}
              </td>
              <td className="tnum whitespace-nowrap text-right">{bytes(process.mem)}</td>
              <td className="tnum text-right max-lg:hidden">{process.threads ?? '–'}</td>
              <td className="tnum truncate text-ink-2 max-md:hidden">
                {process.started_at ? <Ago at={process.started_at} /> : '–'}
              </td>
              {mayAct ? (
                <td className="text-right">
                  <Menu
                    trigger={
                      <Button
                        variant="quiet"
                        size="iconSm"
                        aria-label={`Signal ${process.name} ${process.pid}`}
                      >
                        <MoreHorizontal aria-hidden="true" />
                      </Button>
                    }
                    entries={SIGNALS.map((signal) => ({
                      kind: 'action' as const,
                      label: signal.label,
                      hint: signal.name,
                      run: () => setTarget({ process, signal }),
                    }))}
                  />
                </td>
              ) : null}
            </>
          )}
        />
      ) : null}
      {target ? (
        <SignalDialog
          server={server}
          process={target.process}
          signal={target.signal}
          onClose={() => setTarget(null)}
          onDone={() => void query.refetch()}
        />
      ) : null}
    </div>
  )
}
