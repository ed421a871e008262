/** Filters, sorts and nests the processes of a host. Pure. */
import type { HostProcess } from '@/shared/api/model'
import type { Sorting } from '@/shared/lib/sorting'

export type ProcessColumn =
  | 'name'
  | 'pid'
  | 'user'
  | 'state'
  | 'cpu'
  | 'mem'
  | 'threads'
  | 'started'

export const PROCESS_COLUMNS: readonly ProcessColumn[] = [
  'name',
  'pid',
  'user',
  'state',
  'cpu',
  'mem',
  'threads',
  'started',
]

export interface ProcessRow {
  process: HostProcess
  /** Ancestors above it; 0 in a flat list. */
  depth: number
}

export const DEFAULT_PROCESS_SORT: Sorting<ProcessColumn> = { column: 'cpu', descending: true }

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

function figureOf(process: HostProcess, column: ProcessColumn): string | number | null {
  switch (column) {
    case 'started':
      return process.started_at === null ? null : Date.parse(process.started_at)
    default:
      return process[column]
  }
}

/** What is not known comes last, whichever way. */
function compare(sort: Sorting<ProcessColumn>) {
  return (a: HostProcess, b: HostProcess): number => {
    const [x, y] = [figureOf(a, sort.column), figureOf(b, sort.column)]
    if (x === null || y === null) return x === y ? a.pid - b.pid : x === null ? 1 : -1
    const order =
      typeof x === 'string' && typeof y === 'string'
        ? collator.compare(x, y)
        : Number(x) - Number(y)
    return (sort.descending ? -order : order) || a.pid - b.pid
  }
}

/** All words must occur in name, command, user or as the number. */
function matcherOf(text: string): ((process: HostProcess) => boolean) | null {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return null
  return ({ name, command, user, pid }) => {
    const all = `${name} ${command} ${user ?? ''}`.toLowerCase()
    return words.every((word) => all.includes(word) || word === String(pid))
  }
}

export function arrange(
  processes: readonly HostProcess[],
  text: string,
  sort: Sorting<ProcessColumn>,
  tree: boolean,
): { rows: ProcessRow[]; matching: number } {
  const matches = matcherOf(text)
  const found = matches ? processes.filter(matches) : processes
  const order = compare(sort)
  if (!tree) {
    const rows = [...found].sort(order).map((process) => ({ process, depth: 0 }))
    return { rows, matching: found.length }
  }
  // What matches is shown below its ancestors, or one could not see where it belongs.
  const byPid = new Map(processes.map((process) => [process.pid, process]))
  const shown = new Map<number, HostProcess>()
  for (const process of found) {
    let at: HostProcess | undefined = process
    while (at && !shown.has(at.pid)) {
      shown.set(at.pid, at)
      at = byPid.get(at.ppid)
    }
  }
  const children = new Map<number, HostProcess[]>()
  const roots: HostProcess[] = []
  for (const process of shown.values()) {
    if (process.ppid !== process.pid && shown.has(process.ppid)) {
      children.set(process.ppid, [...(children.get(process.ppid) ?? []), process])
    } else {
      roots.push(process)
    }
  }
  const rows: ProcessRow[] = []
  const visited = new Set<number>()
  const walk = (list: HostProcess[], depth: number) => {
    for (const process of list.sort(order)) {
      // The list is of one moment only nearly: numbers may have been used anew.
      if (visited.has(process.pid)) continue
      visited.add(process.pid)
      rows.push({ process, depth })
      walk(children.get(process.pid) ?? [], depth + 1)
    }
  }
  walk(roots, 0)
  for (const process of shown.values()) walk([process], 0)
  return { rows, matching: found.length }
}
