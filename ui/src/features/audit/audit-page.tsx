import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Download, Lock, ScrollText } from 'lucide-react'
import { lazy, Suspense } from 'react'
import type { AuditEntry } from '@/shared/api/model'
import { exact } from '@/shared/lib/time'
import { decidesAboutPeople, meQuery } from '@/shared/session/session'
import { Button, buttonStyle } from '@/shared/ui/button'
import { Empty } from '@/shared/ui/empty'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import { StatusDot, type Tone } from '@/shared/ui/status-dot'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { entriesQuery, exportHref } from './audit-query'
import { type AuditSearch, FILTERS, Filters } from './filters'
import { Verification } from './verification'

const EntryDetail = lazy(() => import('./entry-detail'))

/** Who did what to what, when, from where, and how it ended. */
export function AuditPage({
  search,
  entry,
  onSearch,
  onEntry,
}: {
  search: AuditSearch
  /** The entry that is open. */
  entry: number | undefined
  onSearch: (change: AuditSearch) => void
  onEntry: (seq: number | undefined) => void
}) {
  const { data: me } = useQuery(meQuery)
  const allowed = me !== undefined && decidesAboutPeople(me)
  const query = useInfiniteQuery({ ...entriesQuery(search), enabled: allowed })
  if (me && !allowed) {
    return (
      <Empty icon={<Lock aria-hidden="true" />} title="Not with your role">
        Owners and admins read the audit log. Ask one of them for what you need from it.
      </Empty>
    )
  }
  const entries = query.data?.pages.flatMap((page) => page.entries) ?? []
  const filtered = FILTERS.some((name) => search[name])
  return (
    <div className="mx-auto max-w-[90rem] px-4 py-6 sm:px-6">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <h1 className="font-semibold text-xl tracking-tight">Audit</h1>
        <div className="flex flex-wrap gap-2">
          {(['ndjson', 'csv'] as const).map((format) => (
            <a key={format} href={exportHref(search, format)} download className={buttonStyle()}>
              <Download aria-hidden="true" />
              {format === 'csv' ? 'CSV' : 'NDJSON'}
            </a>
          ))}
        </div>
      </div>
      <p className="mt-1 mb-4 text-ink-2">
        Entries are only ever added. The files hold what the filters find; taking one out is an
        entry itself.
      </p>
      <Verification />
      <div className="my-4">
        <Filters search={search} onSearch={onSearch} />
      </div>
      {query.isError ? (
        <ProblemPanel
          className="mb-4"
          what="The entries could not be loaded"
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      ) : null}
      {query.isPending ? (
        <Late>
          <Skeleton className="h-64" />
        </Late>
      ) : entries.length === 0 && !query.isError ? (
        <Empty
          className="card max-w-none"
          icon={<ScrollText aria-hidden="true" />}
          title={filtered ? 'No entry fits' : 'No entries yet'}
          action={
            filtered ? (
              <Button
                onClick={() =>
                  onSearch(Object.fromEntries(FILTERS.map((name) => [name, undefined])))
                }
              >
                Clear the filters
              </Button>
            ) : undefined
          }
        >
          {filtered
            ? 'Take a filter away, or look at other days.'
            : 'Every sign-in and every change will be here.'}
        </Empty>
      ) : entries.length > 0 ? (
        <>
          <Table
            label="Audit entries"
            columns={[
              'What',
              'When',
              'Who',
              { title: 'On', className: 'max-md:hidden' },
              { title: 'Result', className: 'max-sm:hidden' },
              { title: 'From', className: 'max-lg:hidden' },
            ]}
          >
            {entries.map((row) => (
              <EntryRow key={row.seq} entry={row} onOpen={() => onEntry(row.seq)} />
            ))}
          </Table>
          {query.hasNextPage ? (
            <Button
              className="mt-3"
              busy={query.isFetchingNextPage}
              onClick={() => void query.fetchNextPage()}
            >
              Show older
            </Button>
          ) : null}
        </>
      ) : null}
      {entry === undefined ? null : (
        <Suspense>
          <EntryDetail seq={entry} onClose={() => onEntry(undefined)} />
        </Suspense>
      )}
    </div>
  )
}

const RESULT: Record<string, { label: string; tone: Tone }> = {
  ok: { label: 'Done', tone: 'ok' },
  denied: { label: 'Denied', tone: 'warn' },
  failed: { label: 'Failed', tone: 'bad' },
}

/** "user:0193…" as something to read when nobody has a name for it. */
const short = (id: string): string => (id.length > 24 ? `${id.slice(0, 22)}…` : id)

function EntryRow({ entry, onOpen }: { entry: AuditEntry; onOpen: () => void }) {
  const result = RESULT[entry.result] ?? { label: entry.result, tone: 'off' as const }
  return (
    <tr className="relative hover:bg-hover">
      <th scope="row" className="whitespace-nowrap">
        <button
          type="button"
          onClick={onOpen}
          aria-label={`Open entry ${entry.seq}: ${entry.action}`}
          className="flex items-center gap-2 font-mono text-xs after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:rounded-md focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
        >
          <span className="sm:hidden">
            <StatusDot tone={result.tone} />
            <span className="sr-only">{result.label}</span>
          </span>
          {entry.action}
        </button>
      </th>
      <td className="whitespace-nowrap">
        <Ago at={entry.at} className="tnum" />
        <span className="tnum ml-2 text-ink-3 text-xs max-xl:hidden">
          {exact(Date.parse(entry.at))}
        </span>
      </td>
      <td className="max-w-48 truncate" title={entry.actor}>
        {entry.actor_name ?? <span className="text-ink-2">{short(entry.actor)}</span>}
      </td>
      <td className="max-w-64 truncate max-md:hidden" title={entry.target}>
        {entry.target_name ?? <span className="text-ink-2">{short(entry.target)}</span>}
      </td>
      <td className="max-sm:hidden">
        <span className="flex items-center gap-2">
          <StatusDot tone={result.tone} />
          {result.label}
        </span>
      </td>
      <td className="tnum text-ink-2 max-lg:hidden">{entry.address ?? ''}</td>
    </tr>
  )
}
