import { useQuery } from '@tanstack/react-query'
import { Pause, Plus, SearchX, Server } from 'lucide-react'
import {
  type ReactNode,
  useCallback,
  useDeferredValue,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { useFleet } from '@/shared/fleet/fleet'
import {
  chosenValues,
  matches,
  parseQuery,
  type Term,
  wantsAlerting,
  withAlerting,
  withValues,
} from '@/shared/fleet/query-text'
import { type Status, statusAt } from '@/shared/fleet/status'
import { download } from '@/shared/lib/download'
import { plural } from '@/shared/lib/format'
import { useHotkeys } from '@/shared/lib/hotkeys'
import { useNow } from '@/shared/lib/now'
import { usePageTitle } from '@/shared/lib/page-title'
import { setPrefs, usePrefs } from '@/shared/lib/prefs'
import { addsServers, meQuery } from '@/shared/session/session'
import { Button } from '@/shared/ui/button'
import { Empty } from '@/shared/ui/empty'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import { useResync } from '@/shared/ws/live'
import { BulkBar } from './bulk-bar'
import { type ColumnId, columnsFor, DEFAULT_COLUMNS, isColumnId } from './columns'
import { ColumnsMenu, isDefaultColumns } from './columns-menu'
import { Facet, QueryInput, StatusStrip } from './filter-bar'
import { useSelection } from './selection'
import { ServersTable } from './servers-table'
import {
  countStatuses,
  type FacetField,
  facetCounts,
  filterRows,
  parseSort,
  rankByName,
  type Sort,
  sortRows,
  sortText,
  type ViewRow,
} from './view'
import { ViewsMenu } from './views-menu'

export interface ServersSearch {
  q?: string
  sort?: string
  cols?: string
}

const isStatusTerm = (term: Term): boolean => term.kind === 'field' && term.field === 'status'

/** A status changes by the mere passing of time; looking every three seconds is soon enough. */
const STATUS_STEP_MS = 3_000
/** Pause in typing after which the filter is written into the address. */
const WRITE_AFTER_MS = 250

export function ServersPage({
  search,
  onSearch,
  onOpen,
  onAdd,
  addLink,
}: {
  search: ServersSearch
  onSearch: (change: ServersSearch, how: 'push' | 'replace') => void
  onOpen: (id: string) => void
  onAdd: () => void
  addLink: ReactNode
}) {
  const { snapshot, query: loading } = useFleet()
  const { refetch } = loading
  useResync(useCallback(() => void refetch(), [refetch]))
  const now = Math.floor(useNow() / STATUS_STEP_MS) * STATUS_STEP_MS
  const input = useRef<HTMLInputElement>(null)

  // Typing shows at once; the list follows when the machine has time for it.
  const [text, setText] = useState(search.q ?? '')
  const [urlText, setUrlText] = useState(search.q ?? '')
  if ((search.q ?? '') !== urlText) {
    // Back, a link or a facet changed the address: the box follows it.
    setUrlText(search.q ?? '')
    setText(search.q ?? '')
  }
  const { data: me } = useQuery(meQuery)
  const mayAdd = me !== undefined && addsServers(me)
  const write = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(write.current), [])
  const changeText = (next: string) => {
    setText(next)
    // Browsers limit how often the address may change, and nobody reads it while typing.
    clearTimeout(write.current)
    write.current = setTimeout(() => {
      setUrlText(next.trim())
      onSearch({ q: next.trim() || undefined }, 'replace')
    }, WRITE_AFTER_MS)
  }
  const deferred = useDeferredValue(text)
  const query = useMemo(() => parseQuery(deferred), [deferred])
  const sort = useMemo(() => parseSort(search.sort), [search.sort])

  const savedColumns = usePrefs((prefs) => prefs.columns)
  const columnIds = useMemo(() => {
    const ids = (search.cols?.split(',') ?? savedColumns ?? DEFAULT_COLUMNS).filter(isColumnId)
    return columnsFor(ids.length > 0 ? ids : DEFAULT_COLUMNS).map((column) => column.id)
  }, [search.cols, savedColumns])
  const columns = useMemo(() => columnsFor(columnIds), [columnIds])
  const changeColumns = (next: ColumnId[] | null) => {
    setPrefs({ columns: next })
    onSearch({ cols: next && !isDefaultColumns(next) ? next.join(',') : undefined }, 'replace')
  }

  const { rows: all, roster } = snapshot
  // biome-ignore lint/correctness/useExhaustiveDependencies: names change with the roster only
  const rank = useMemo(() => rankByName(all), [roster])
  const statusTerms = useMemo(() => query.terms.filter(isStatusTerm), [query])
  const otherTerms = useMemo(() => query.terms.filter((term) => !isStatusTerm(term)), [query])
  const ofAnyStatus = useMemo(() => filterRows(all, otherTerms, now), [all, otherTerms, now])
  const matching = useMemo(
    () =>
      statusTerms.length === 0
        ? ofAnyStatus
        : ofAnyStatus.filter((view) => matches(statusTerms, view.row, view.status)),
    [ofAnyStatus, statusTerms],
  )
  const sorted = useMemo(() => sortRows(matching, sort, rank), [matching, sort, rank])
  const { rows, held, setHeld } = useRestingOrder(
    sorted,
    columns.some((c) => c.id === sort.column && c.sort === 'live'),
    `${search.sort}|${deferred}`,
  )

  const order = useMemo(() => rows.map((view) => view.row.server.id), [rows])
  const { byId } = snapshot
  const selection = useSelection(
    order,
    useCallback((id: string) => byId.has(id), [byId]),
  )
  const chosen = useMemo(
    () => [...selection.ids].flatMap((id) => byId.get(id) ?? []),
    [selection.ids, byId],
  )
  const shownChosen = useMemo(
    () => rows.filter((view) => selection.ids.has(view.row.server.id)),
    [rows, selection.ids],
  )

  const counts = useMemo(() => countStatuses(ofAnyStatus), [ofAnyStatus])
  const alerting = useMemo(
    () => ofAnyStatus.filter(({ row }) => (row.server.alerts?.open ?? 0) > 0).length,
    [ofAnyStatus],
  )
  const troubled = counts.offline + counts.stale
  usePageTitle('Servers', counts.offline > 0 ? 'bad' : counts.stale > 0 ? 'warn' : 'calm', troubled)
  useHotkeys({
    n: () => mayAdd && onAdd(),
    ArrowDown: () => document.querySelector<HTMLElement>('[role="row"] a[tabindex="0"]')?.focus(),
  })

  const facet = (field: FacetField) => {
    const others = query.terms.filter((term) => term.kind !== 'field' || term.field !== field)
    return facetCounts(filterRows(all, others, now), field)
  }
  const rewrite = (next: string) => {
    clearTimeout(write.current)
    setText(next)
    setUrlText(next)
    onSearch({ q: next || undefined }, 'push')
  }
  const choose = (field: FacetField | 'status', values: string[]) =>
    rewrite(withValues(text, field, values))

  return (
    <div className="mx-auto max-w-[110rem] px-3 py-5 sm:px-5">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-3">
        <h1 className="font-semibold text-xl tracking-tight">Servers</h1>
        <div className="max-sm:order-last max-sm:w-full">
          <StatusStrip
            counts={counts}
            chosen={chosenValues(query.terms, 'status')}
            onChoose={(status: Status | null) => choose('status', status ? [status] : [])}
            alerting={alerting}
            onlyAlerting={wantsAlerting(text)}
            onAlerting={(only) => rewrite(withAlerting(text, only))}
          />
        </div>
        <div className="ml-auto">{mayAdd ? addLink : null}</div>
      </div>
      {snapshot.loaded && all.length === 0 && !loading.isError ? (
        <Empty
          icon={<Server aria-hidden="true" />}
          title="No servers yet"
          className="card mt-5 max-w-none py-20"
          action={
            mayAdd ? (
              <Button variant="primary" size="lg" onClick={onAdd}>
                <Plus aria-hidden="true" />
                Add your first server
              </Button>
            ) : undefined
          }
        >
          {mayAdd
            ? 'One command on a host starts its agent, and its figures are here a few seconds later.'
            : 'What is shared with you appears here by itself. Ask whoever manages a server to share it.'}
        </Empty>
      ) : (
        <>
          <div className="mt-4 flex flex-wrap items-center gap-2">
            <QueryInput
              value={text}
              problems={query.problems}
              onChange={changeText}
              inputRef={input}
            />
            {(
              [
                ['Tag', 'tag'],
                ['System', 'os'],
                ['Agent', 'version'],
              ] as const
            ).map(([label, field]) => (
              <Facet
                key={field}
                label={label}
                field={field}
                counts={facet}
                chosen={chosenValues(query.terms, field)}
                onChange={choose}
              />
            ))}
            <ViewsMenu current={{ q: search.q, sort: search.sort, cols: search.cols }} />
            <ColumnsMenu
              columns={columnIds}
              onChange={changeColumns}
              onCsv={() => download('servers.csv', 'text/csv', listCsv(rows, columnIds))}
            />
          </div>
          <div className="flex min-h-8 flex-wrap items-center gap-x-4 px-1 text-2xs text-ink-3">
            <p role="status">
              {snapshot.loaded
                ? matching.length === all.length
                  ? plural(all.length, 'server')
                  : `${matching.length.toLocaleString('en')} of ${plural(all.length, 'server')}`
                : ''}
            </p>
            {query.problems.map((problem) => (
              <p key={problem} className="text-bad">
                {problem}
              </p>
            ))}
            {held ? (
              <p className="ml-auto flex items-center gap-1">
                <Pause className="size-3" aria-hidden="true" />
                Order paused while you point at the list
              </p>
            ) : null}
          </div>
          {loading.isError ? (
            <ProblemPanel
              what="The servers could not be loaded"
              error={loading.error}
              onRetry={() => void refetch()}
              className="mb-4"
            />
          ) : null}
          {!snapshot.loaded ? (
            loading.isError ? null : (
              <ListSkeleton />
            )
          ) : rows.length === 0 ? (
            all.length > 0 ? (
              <Empty
                icon={<SearchX aria-hidden="true" />}
                title="No server matches"
                className="card max-w-none"
                action={<Button onClick={() => changeText('')}>Clear the filter</Button>}
              >
                Nothing fits “{deferred}”.
              </Empty>
            ) : null
          ) : (
            <ServersTable
              rows={rows}
              columns={columns}
              sort={sort}
              selection={selection}
              onSort={(next: Sort) => onSearch({ sort: sortText(next) }, 'push')}
              onOpen={onOpen}
              onHold={setHeld}
            />
          )}
          {chosen.length > 0 ? (
            <BulkBar
              chosen={chosen}
              hidden={chosen.length - shownChosen.length}
              matching={rows.length}
              onAll={selection.pickAll}
              onClear={selection.clear}
              onCsv={() =>
                download(
                  'servers.csv',
                  'text/csv',
                  listCsv(
                    chosen.map((row) => ({ row, status: statusAt(row, now) })),
                    columnIds,
                  ),
                )
              }
            />
          ) : null}
        </>
      )}
    </div>
  )
}

/**
 * Sorted by a figure that moves, rows would slip away from under the pointer. While somebody points
 * at the table the order rests; figures go on. A new sort or filter takes effect at once.
 */
function useRestingOrder(sorted: readonly ViewRow[], live: boolean, key: string) {
  const [pointed, setPointed] = useState(false)
  const [order, setOrder] = useState<{ key: string; ids: readonly string[] } | null>(null)
  const held = pointed && live
  if (held && order?.key !== key) setOrder({ key, ids: sorted.map((view) => view.row.server.id) })
  if (!held && order !== null) setOrder(null)
  const rows = useMemo(() => {
    if (!held || order?.key !== key) return sorted
    const byId = new Map(sorted.map((view) => [view.row.server.id, view]))
    const kept: ViewRow[] = []
    for (const id of order.ids) {
      const view = byId.get(id)
      if (view && byId.delete(id)) kept.push(view)
    }
    // Servers that came meanwhile stand at the end until the order moves again.
    return [...kept, ...byId.values()]
  }, [sorted, held, order, key])
  return { rows, held, setHeld: setPointed }
}

function listCsv(rows: readonly ViewRow[], ids: readonly ColumnId[]): string {
  const columns = columnsFor(ids)
  const cell = (value: string | number | null) => {
    const text = value === null ? '' : String(value)
    // A leading sign would be run as a formula by spreadsheets; names come from outside.
    const safe = /^[=+\-@\t]/.test(text) && typeof value === 'string' ? `'${text}` : text
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
  }
  const lines = rows.map((view) => columns.map((column) => cell(column.csv(view))).join(','))
  return [columns.map((column) => cell(column.label)).join(','), ...lines, ''].join('\r\n')
}

function ListSkeleton() {
  return (
    <Late>
      <div className="card flex flex-col gap-3 p-4">
        {Array.from({ length: 8 }, (_, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have no identity
          <Skeleton key={index} className="h-5" />
        ))}
      </div>
    </Late>
  )
}
