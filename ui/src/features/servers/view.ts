/** Filters and sorts the fleet. Pure; made for 10,000 rows on every keystroke. */

import { figureOf, matches, type Term } from '@/shared/fleet/query-text'
import { STATUSES, type Status, statusAt } from '@/shared/fleet/status'
import type { FleetRow } from '@/shared/fleet/store'
import { type ColumnId, isColumnId } from './columns'

export interface Sort {
  column: ColumnId
  descending: boolean
}

export interface ViewRow {
  row: FleetRow
  status: Status
}

export const DEFAULT_SORT: Sort = { column: 'name', descending: false }

export function parseSort(text: string | undefined): Sort {
  if (!text) return DEFAULT_SORT
  const descending = text.startsWith('-')
  const column = descending ? text.slice(1) : text
  return isColumnId(column) ? { column, descending } : DEFAULT_SORT
}

export function sortText({ column, descending }: Sort): string | undefined {
  if (column === DEFAULT_SORT.column && descending === DEFAULT_SORT.descending) return undefined
  return `${descending ? '-' : ''}${column}`
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

/** Comparing names is the dear part of sorting, so it is done once per change of the roster. */
export function rankByName(rows: readonly FleetRow[]): ReadonlyMap<string, number> {
  const sorted = [...rows].sort((a, b) => collator.compare(a.server.name, b.server.name))
  return new Map(sorted.map((row, index) => [row.server.id, index]))
}

function textOf({ row }: ViewRow, column: ColumnId): string | null {
  const { agent } = row.server
  switch (column) {
    case 'host':
      return agent?.hostname ?? null
    case 'os':
      return agent?.os ?? null
    case 'version':
      return agent?.version ?? null
    default:
      return null
  }
}

function numberOf({ row, status }: ViewRow, column: ColumnId): number | null {
  switch (column) {
    case 'status':
      return STATUSES.indexOf(status)
    case 'seen':
      // Larger is longer ago, as the column reads.
      return row.heardAt === null ? null : -row.heardAt
    case 'net': {
      const { rx, tx } = row.server.latest ?? {}
      return typeof rx === 'number' || typeof tx === 'number' ? (rx ?? 0) + (tx ?? 0) : null
    }
    case 'alerts': {
      // The worse counts first: one critical alert comes before any number of others.
      const { critical = 0, warning = 0, info = 0 } = row.server.alerts ?? {}
      return critical * 1e8 + warning * 1e4 + info
    }
    case 'uptime':
      return row.server.latest?.uptime_s ?? null
    case 'cpu':
    case 'mem':
    case 'disk':
    case 'load':
    case 'temp':
      return figureOf(row, column)
    default:
      return null
  }
}

export function filterRows(
  rows: readonly FleetRow[],
  terms: readonly Term[],
  now: number,
): ViewRow[] {
  const kept: ViewRow[] = []
  for (const row of rows) {
    const status = statusAt(row, now)
    if (matches(terms, row, status)) kept.push({ row, status })
  }
  return kept
}

/** Equal ones go by name; what is not known comes last in both directions. */
export function sortRows(
  rows: readonly ViewRow[],
  { column, descending }: Sort,
  rank: ReadonlyMap<string, number>,
): ViewRow[] {
  const turn = descending ? -1 : 1
  const byName = (view: ViewRow) => rank.get(view.row.server.id) ?? 0
  if (column === 'name') {
    return [...rows].sort((a, b) => turn * (byName(a) - byName(b)))
  }
  const isText = column === 'host' || column === 'os' || column === 'version'
  const keyed = rows.map((view) => ({
    view,
    rank: byName(view),
    key: isText ? textOf(view, column) : numberOf(view, column),
  }))
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) {
      if (a.key === b.key) return a.rank - b.rank
      return a.key === null ? 1 : -1
    }
    const order =
      typeof a.key === 'number' && typeof b.key === 'number'
        ? a.key - b.key
        : collator.compare(String(a.key), String(b.key))
    return order === 0 ? a.rank - b.rank : turn * order
  })
  return keyed.map((entry) => entry.view)
}

export function countStatuses(rows: readonly ViewRow[]): Record<Status, number> {
  const counts: Record<Status, number> = { online: 0, stale: 0, offline: 0, never: 0 }
  for (const { status } of rows) counts[status] += 1
  return counts
}

export type FacetField = 'tag' | 'os' | 'version'

/** Values of a field with how many rows have them, most first. */
export function facetCounts(rows: readonly ViewRow[], field: FacetField): [string, number][] {
  const counts = new Map<string, number>()
  const add = (value: string | null | undefined) => {
    if (value) counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  for (const { row } of rows) {
    if (field === 'tag') for (const tag of row.server.tags) add(tag)
    else if (field === 'os') add(row.server.agent?.os)
    else add(row.server.agent?.version)
  }
  return [...counts].sort((a, b) => b[1] - a[1] || collator.compare(a[0], b[0]))
}
