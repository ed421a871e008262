/** Names of numbers as a rule writes them (`cpu`, `fs:/var:share`, `net:eth*:rx`), for people. Pure. */
import { type Maybe, NONE, type Unit, withUnit } from '@/shared/lib/format'

interface Known {
  unit: Unit
  label: string
}

const known = (unit: Unit, label: string): Known => ({ unit, label })

/** Numbers of the host, the ones that rules are mostly about first. */
export const HOST_SERIES: Readonly<Record<string, Known>> = {
  cpu: known('percent', 'Processor busy'),
  mem: known('percent', 'Memory used, share'),
  disk: known('percent', 'Fullest file system'),
  load1: known('load', 'Load, 1 minute'),
  load5: known('load', 'Load, 5 minutes'),
  load15: known('load', 'Load, 15 minutes'),
  swap: known('percent', 'Swap used, share'),
  temp_max: known('celsius', 'Highest temperature'),
  mem_available: known('bytes', 'Memory available'),
  mem_used: known('bytes', 'Memory used'),
  swap_used: known('bytes', 'Swap used'),
  cpu_user: known('percent', 'Processor, programs'),
  cpu_system: known('percent', 'Processor, kernel'),
  cpu_iowait: known('percent', 'Processor waiting for disks'),
  cpu_steal: known('percent', 'Processor taken by the hypervisor'),
  psi_cpu: known('percent', 'Tasks waiting for a processor'),
  psi_mem: known('percent', 'Tasks waiting for memory'),
  psi_io: known('percent', 'Tasks waiting for disks'),
  rx: known('bytes_per_s', 'Network, received'),
  tx: known('bytes_per_s', 'Network, sent'),
  disk_read: known('bytes_per_s', 'Disks, read'),
  disk_write: known('bytes_per_s', 'Disks, written'),
  processes: known('count', 'Processes'),
  procs_running: known('count', 'Processes running'),
  procs_blocked: known('count', 'Processes blocked'),
  uptime_s: known('seconds', 'Uptime'),
}

/** Numbers of each device of a kind. */
export const DEVICE_SERIES: Readonly<Record<string, Known>> = {
  'fs:*:share': known('percent', 'Each file system: used, share'),
  'fs:*:available': known('bytes', 'Each file system: available'),
  'fs:*:inodes_share': known('percent', 'Each file system: inodes used, share'),
  'core:*': known('percent', 'Each core: busy'),
  'disk:*:util': known('percent', 'Each disk: busy'),
  'disk:*:await_ms': known('ms', 'Each disk: wait'),
  'net:*:rx': known('bytes_per_s', 'Each interface: received'),
  'net:*:tx': known('bytes_per_s', 'Each interface: sent'),
  'net:*:rx_errors': known('per_s', 'Each interface: receive errors'),
  'net:*:rx_drops': known('per_s', 'Each interface: received and dropped'),
  'temp:*:celsius': known('celsius', 'Each sensor: temperature'),
  'container:*:cpu': known('percent', 'Each container: processor'),
  'container:*:mem': known('bytes', 'Each container: memory'),
}

const FIELD_UNIT: Readonly<Record<string, Unit>> = {
  'fs:share': 'percent',
  'fs:inodes_share': 'percent',
  'fs:total': 'bytes',
  'fs:used': 'bytes',
  'fs:available': 'bytes',
  'disk:read': 'bytes_per_s',
  'disk:write': 'bytes_per_s',
  'disk:util': 'percent',
  'disk:await_ms': 'ms',
  'disk:read_ops': 'per_s',
  'disk:write_ops': 'per_s',
  'net:rx': 'bytes_per_s',
  'net:tx': 'bytes_per_s',
  'temp:celsius': 'celsius',
  'container:cpu': 'percent',
  'container:mem': 'bytes',
  'container:rx': 'bytes_per_s',
  'container:tx': 'bytes_per_s',
  'container:read': 'bytes_per_s',
  'container:write': 'bytes_per_s',
}

const AROUND = /^(avg|min|max|change|rate)\((.*), ?[0-9a-z]+\)$/

/** What a number is in. A number over a window is in the same, only a rate is not: that is per second. */
export function unitOf(series: string): Unit {
  const window = AROUND.exec(series)
  if (window) return window[1] === 'rate' ? 'load' : unitOf(window[2] ?? '')
  const name = series.replaceAll('"', '')
  const host = HOST_SERIES[name]
  if (host) return host.unit
  const kind = name.slice(0, name.indexOf(':'))
  if (kind === 'core') return 'percent'
  const field = name.slice(name.lastIndexOf(':') + 1)
  const unit = FIELD_UNIT[`${kind}:${field}`]
  if (unit) return unit
  return kind === 'net' ? 'per_s' : 'count'
}

/** A value of a number; `–` when it was missing. */
export const valueText = (series: string, value: Maybe): string =>
  value === null || value === undefined ? NONE : withUnit(value, unitOf(series))

/** The name of the number for people; names nobody listed stay as they are written. */
export function labelOf(series: string): string {
  return HOST_SERIES[series]?.label ?? DEVICE_SERIES[series]?.label ?? series
}
