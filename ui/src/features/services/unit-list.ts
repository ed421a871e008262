/** Filters and sorts systemd's units, and says in words how they are. Pure. */
import type { HostUnit } from '@/shared/api/model'
import type { Sorting } from '@/shared/lib/sorting'
import type { Tone } from '@/shared/ui/status-dot'

export type UnitColumn = 'name' | 'state'
export const UNIT_COLUMNS: readonly UnitColumn[] = ['name', 'state']
export const DEFAULT_UNIT_SORT: Sorting<UnitColumn> = { column: 'name', descending: false }

/** As in the name: `nginx.service` is a service. */
export const UNIT_KINDS = ['service', 'timer', 'socket', 'mount'] as const
export const UNIT_STATES = ['failed', 'active', 'inactive'] as const
export type UnitState = (typeof UNIT_STATES)[number]

export const kindOf = (unit: HostUnit): string => unit.name.slice(unit.name.lastIndexOf('.') + 1)

export function stateOf({ active }: HostUnit): UnitState {
  if (active === 'failed') return 'failed'
  return active === 'inactive' ? 'inactive' : 'active'
}

export function unitTone(unit: HostUnit): Tone {
  const state = stateOf(unit)
  if (state === 'failed' || unit.load === 'error' || unit.load === 'bad-setting') return 'bad'
  if (state === 'inactive') return 'off'
  // Between two states, `activating` for example.
  return unit.active === 'active' ? 'ok' : 'warn'
}

export interface UnitFilter {
  q?: string
  kind?: string
  state?: string
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })
const ORDER: Record<Tone, number> = { bad: 0, warn: 1, ok: 2, accent: 3, off: 4 }

export function arrangeUnits(
  units: readonly HostUnit[],
  { q = '', kind, state }: UnitFilter,
  sort: Sorting<UnitColumn>,
): { rows: HostUnit[]; counts: Record<UnitState, number> } {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean)
  const counts: Record<UnitState, number> = { failed: 0, active: 0, inactive: 0 }
  const rows: HostUnit[] = []
  for (const unit of units) {
    if (kind && kindOf(unit) !== kind) continue
    const all = `${unit.name} ${unit.description}`.toLowerCase()
    if (!words.every((word) => all.includes(word))) continue
    counts[stateOf(unit)] += 1
    if (!state || stateOf(unit) === state) rows.push(unit)
  }
  rows.sort((a, b) => {
    const byName = collator.compare(a.name, b.name)
    const order = sort.column === 'state' ? ORDER[unitTone(a)] - ORDER[unitTone(b)] : byName
    return (sort.descending ? -order : order) || byName
  })
  return { rows, counts }
}
