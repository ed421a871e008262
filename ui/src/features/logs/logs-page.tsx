/**
 * Lines of logs: of one server, with its agent coming and going among them, or of all that one may
 * see. Searched on the server; what was found can be searched again in the viewer.
 */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Download } from 'lucide-react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { Problem } from '@/shared/api/problem'
import { useFleetSnapshot } from '@/shared/fleet/fleet'
import { exact } from '@/shared/lib/time'
import { CAPACITY, LogBuffer } from '@/shared/logs/buffer'
import type { LogLine } from '@/shared/logs/line'
import { LogView } from '@/shared/logs/log-view'
import { Button, buttonStyle } from '@/shared/ui/button'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Skeleton } from '@/shared/ui/skeleton'
import { StatusDot, type Tone } from '@/shared/ui/status-dot'
import { LogFilters } from './filters'
import { Histogram } from './histogram'
import { type LogEntry, lineOf, linesQuery, sourcesQuery } from './logs-query'
import { downloadHref, filterOf, isFiltered, type LogsSearch, listOf } from './logs-search'
import { OneLine } from './one-line'
import { OptIn } from './opt-in'
import type { TailState } from './tail'
import { useTails } from './use-tails'

/** Servers that are followed at once. */
const FOLLOWED = 12

const STATES: Record<TailState, { tone: Tone; words: string }> = {
  live: { tone: 'ok', words: 'Live' },
  connecting: { tone: 'off', words: 'Connecting' },
  reconnecting: { tone: 'warn', words: 'Reconnecting' },
  refused: { tone: 'bad', words: 'Not allowed' },
  wrong: { tone: 'bad', words: 'Not live' },
}

/** A set remembers in which order its members came. */
function forgetOldest(ids: Set<string>, most: number) {
  for (const id of ids) {
    if (ids.size <= most) return
    ids.delete(id)
  }
}

export function LogsPage({
  serverId,
  search,
  onSearch,
  lineHref,
}: {
  serverId?: string
  search: LogsSearch
  onSearch: (change: LogsSearch) => void
  /** Address of one line. */
  lineHref: (line: LogLine) => string | null
}) {
  const { byId } = useFleetSnapshot()
  const nameOf = (id: string) => byId.get(id)?.server.name ?? id
  // A name is looked up when its line comes: the fleet changes every second, the lines do not.
  const names = useRef<((id: string) => string) | null>(null)
  names.current = serverId ? null : nameOf
  const known = useQuery(sourcesQuery)
  const all = known.data?.sources ?? []
  const here = serverId ? all.filter((source) => source.server_id === serverId) : all
  const chosen = listOf(search.servers)
  const shippers = [...new Set(here.map((source) => source.server_id))].filter(
    (id) => serverId !== undefined || chosen.length === 0 || chosen.includes(id),
  )
  const noLive = search.from
    ? 'a time in the past is shown'
    : shippers.length > FOLLOWED
      ? `choose at most ${FOLLOWED} servers`
      : shippers.length === 0 && !serverId
        ? 'no server sends lines'
        : null
  const live = Boolean(search.live) && noLive === null

  const query = useInfiniteQuery(linesQuery(search, serverId))
  const [buffer] = useState(() => new LogBuffer())
  const seen = useRef(new Set<string>())
  const fill = useCallback(
    (entries: LogEntry[]) => {
      const fresh = entries.filter((entry) => !seen.current.has(entry.id))
      for (const { id } of fresh) seen.current.add(id)
      forgetOldest(seen.current, 2 * CAPACITY)
      buffer.push(fresh.map((entry) => lineOf(entry, names.current)))
    },
    [buffer],
  )
  // What was found is newest first; the viewer reads downwards in time.
  const found = useMemo(
    () => (query.data?.pages ?? []).flatMap((page) => page.entries).reverse(),
    [query.data],
  )
  const arrived = useRef<LogEntry[]>([])
  const filterKey = JSON.stringify([filterOf(search, serverId), serverId])
  // biome-ignore lint/correctness/useExhaustiveDependencies: another search forgets what came live.
  useEffect(() => {
    arrived.current = []
  }, [filterKey])
  useEffect(() => {
    seen.current = new Set()
    buffer.clear()
    fill(found)
    fill(arrived.current)
  }, [buffer, found, fill])

  const refetch = query.refetch
  const position = query.data?.pages[0]?.position ?? null
  /** Everything up to here has to be searched for; the tables may come to it later than the tail. */
  const [missing, setMissing] = useState(0)
  const behind = position !== null && position < missing
  useEffect(() => {
    if (!behind || query.isFetching) return
    const timer = setTimeout(() => void refetch(), 2000)
    return () => clearTimeout(timer)
  }, [behind, query.isFetching, refetch])
  const problem =
    query.error instanceof Problem && query.error.status === 422
      ? (query.error.fields[0]?.message ?? query.error.title)
      : null
  const { state, wrong } = useTails(
    // The search says where what comes live has to begin, and whether there is anything to ask for.
    live && !query.isPending && problem === null ? (serverId ?? shippers.join(',')) : '',
    {
      levels: listOf(search.levels),
      sources: listOf(search.sources),
      text: search.regex ? null : (search.q ?? null),
      pattern: search.regex ? (search.q ?? null) : null,
    },
    position,
    (entries, dropped) => {
      arrived.current.push(...entries)
      if (arrived.current.length > 1.2 * CAPACITY) arrived.current.splice(0, 0.2 * CAPACITY)
      fill(entries)
      buffer.skipped(dropped)
    },
    (to) => {
      setMissing(to)
      void refetch()
    },
  )
  const shown = state ?? (live && problem === null ? 'connecting' : null)

  const last = query.data?.pages.at(-1)
  const nothing = !known.isPending && here.length === 0 && !isFiltered(search)
  const empty = found.length === 0 && nothing
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      {search.line ? (
        <OneLine id={search.line} onClose={() => onSearch({ line: undefined })} />
      ) : null}
      {known.isError ? (
        <ProblemPanel
          className="mb-4"
          what="The sources of logs could not be loaded"
          error={known.error}
          onRetry={() => void known.refetch()}
        />
      ) : null}
      {empty && !query.isPending ? (
        <OptIn />
      ) : (
        <>
          <LogFilters
            search={search}
            onSearch={onSearch}
            servers={
              serverId
                ? null
                : [...new Set(all.map((source) => source.server_id))].map((id) => ({
                    value: id,
                    label: nameOf(id),
                  }))
            }
            sources={[...new Set(here.map((source) => source.source))].map((source) => ({
              value: source,
              label: source,
            }))}
            problem={problem ?? (wrong && `It ${wrong}`)}
          />
          <div className="card mt-3 flex min-h-0 flex-1 flex-col overflow-hidden">
            <Histogram search={search} serverId={serverId} onSearch={onSearch} />
            {query.isError && problem === null ? (
              <ProblemPanel
                className="m-2"
                what="The lines could not be loaded"
                error={query.error}
                onRetry={() => void query.refetch()}
              />
            ) : null}
            {query.isPending ? <Skeleton className="h-96" /> : null}
            <div className={query.isPending ? 'hidden' : 'flex h-[60vh] min-h-72 flex-col'}>
              <LogView
                buffer={buffer}
                label={serverId ? `Logs of ${nameOf(serverId)}` : 'Logs'}
                fileName="logs"
                linkTo={lineHref}
                empty={
                  query.hasNextPage
                    ? 'Nothing found so far. The search goes on with “Search further back”.'
                    : 'No line fits. Take a filter away, or look at another time.'
                }
              >
                <Button
                  size="sm"
                  variant={live ? 'primary' : 'outline'}
                  aria-pressed={live}
                  disabled={noLive !== null}
                  title={noLive ? `Not live: ${noLive}` : 'Show lines as they come'}
                  onClick={() => onSearch({ live: live ? undefined : true })}
                >
                  Live tail
                </Button>
                {shown ? (
                  <span role="status" className="flex items-center gap-1.5 text-xs">
                    <StatusDot tone={STATES[shown].tone} />
                    {STATES[shown].words}
                  </span>
                ) : null}
                <Button size="sm" busy={query.isRefetching} onClick={() => void query.refetch()}>
                  Search again
                </Button>
                {query.hasNextPage ? (
                  <Button
                    size="sm"
                    busy={query.isFetchingNextPage}
                    onClick={() => void query.fetchNextPage()}
                  >
                    {found.length === 0 ? 'Search further back' : 'Load older'}
                  </Button>
                ) : null}
              </LogView>
            </div>
          </div>
          <div className="mt-2 flex flex-wrap items-center justify-between gap-2 text-2xs text-ink-2">
            <span>{last ? `Searched back to ${exact(Date.parse(last.searched_to))}` : ''}</span>
            <span className="flex flex-wrap gap-2">
              {(['text', 'ndjson'] as const).map((format) => (
                <a
                  key={format}
                  href={downloadHref(search, serverId, format)}
                  download
                  className={buttonStyle({ size: 'sm' })}
                >
                  <Download aria-hidden="true" />
                  All that fits, as {format === 'text' ? 'text' : 'NDJSON'}
                </a>
              ))}
            </span>
          </div>
        </>
      )}
    </div>
  )
}
