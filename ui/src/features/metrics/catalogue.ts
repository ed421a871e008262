/**
 * Which charts a server gets, from the names of the series it has. Names of devices may hold colons
 * (`fs:/mnt/a:b:used`), so they are cut at the first and the last one.
 */
import type { PlotStyle } from '@/shared/charts/plot'
import type { Unit } from '@/shared/lib/format'
import { VIRTUAL_DISK, VIRTUAL_INTERFACE } from '@/shared/metrics/sample'
import type { LineSource } from './merge'

export interface ChartLineSpec extends LineSource {
  key: string
  label: string
  color: number
}

export interface ChartSpec {
  id: string
  title: string
  unit: Unit
  lines: ChartLineSpec[]
  style?: PlotStyle
  top?: number
}

export interface Section {
  id: string
  title: string
  charts: ChartSpec[]
  /** Charts side by side on wide screens. */
  columns: 2 | 3
}

export interface Capacity {
  memory: number | null
}

const plain = (name: string, label: string, color: number): ChartLineSpec => ({
  key: name,
  label,
  color,
  inputs: [name],
})

const percentOf = (part: number | null | undefined, whole: number | null | undefined) =>
  typeof part === 'number' && whole ? (100 * part) / whole : null

/** `disk:sda:read` → device `sda`, for one prefix; in the order of the names. */
export function devices(names: readonly string[], prefix: string): string[] {
  const found = new Set<string>()
  for (const name of names) {
    if (!name.startsWith(`${prefix}:`)) continue
    const rest = name.slice(prefix.length + 1)
    const end = prefix === 'core' ? rest.length : rest.lastIndexOf(':')
    if (end > 0) found.add(rest.slice(0, end))
  }
  return [...found]
}

/** What carries real traffic first, then the rest, each in its own order. */
function realFirst(list: string[], virtual: RegExp): string[] {
  return [
    ...list.filter((name) => !virtual.test(name)),
    ...list.filter((name) => virtual.test(name)),
  ]
}

export function systemSection(names: ReadonlySet<string>, capacity: Capacity): Section {
  const charts: ChartSpec[] = [
    {
      id: 'cpu',
      title: 'CPU',
      unit: 'percent',
      style: 'stack',
      lines: [
        plain('cpu_user', 'user', 0),
        plain('cpu_system', 'system', 1),
        plain('cpu_iowait', 'iowait', 2),
        plain('cpu_steal', 'steal', 3),
      ],
    },
    {
      id: 'memory',
      title: 'Memory',
      unit: 'bytes',
      style: 'stack',
      top: capacity.memory ?? undefined,
      lines: [
        plain('mem_used', 'used', 0),
        plain('mem_buffers', 'buffers', 3),
        plain('mem_cached', 'cached', 1),
      ],
    },
    {
      id: 'network',
      title: 'Network',
      unit: 'bytes_per_s',
      lines: [plain('rx', 'received', 1), plain('tx', 'sent', 0)],
    },
    {
      id: 'disk-io',
      title: 'Disk throughput',
      unit: 'bytes_per_s',
      lines: [plain('disk_read', 'read', 1), plain('disk_write', 'written', 2)],
    },
    {
      id: 'load',
      title: 'Load',
      unit: 'load',
      lines: [plain('load1', '1 min', 0), plain('load5', '5 min', 1), plain('load15', '15 min', 3)],
    },
    {
      id: 'swap',
      title: 'Swap',
      unit: 'bytes',
      lines: [plain('swap_used', 'used', 5)],
    },
    {
      id: 'pressure',
      title: 'Pressure: time lost waiting',
      unit: 'percent',
      lines: [
        plain('psi_cpu', 'CPU', 0),
        plain('psi_mem', 'memory', 3),
        plain('psi_io', 'disk', 2),
      ],
    },
    {
      id: 'tasks',
      title: 'Tasks',
      unit: 'count',
      lines: [plain('procs_running', 'running', 0), plain('procs_blocked', 'blocked', 2)],
    },
  ]
  const known = charts.filter((chart) => chart.lines.some((line) => names.has(line.key)))
  return {
    id: 'system',
    title: 'System',
    columns: 2,
    charts: names.size > 0 ? known : charts.slice(0, 4),
  }
}

/** A chart with more lines than colours says nothing. */
const MOST_LINES = 8
/** More cores than this are rows of colour, up to so many in one chart. */
const FEW_CORES = 4
const MOST_ROWS = 32

export function deviceSections(names: readonly string[]): Section[] {
  const cores = devices(names, 'core')
  const mounts = devices(names, 'fs')
  const disks = realFirst(devices(names, 'disk'), VIRTUAL_DISK)
  const nets = realFirst(devices(names, 'net'), VIRTUAL_INTERFACE)
  const temps = devices(names, 'temp')
  const chunked = <T>(list: T[], size = MOST_LINES): T[][] =>
    Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
      list.slice(index * size, (index + 1) * size),
    )
  const range = (group: string[]) =>
    group.length > 1 ? `${group[0]}–${group.at(-1)}` : `${group[0]}`

  const sections: Section[] = [
    {
      id: 'cores',
      title: 'Cores',
      columns: 2,
      charts: chunked(cores, MOST_ROWS).map((group) => ({
        id: `cores-${group[0]}`,
        title: cores.length > MOST_ROWS ? `Cores ${range(group)}` : 'Per core',
        unit: 'percent',
        style: cores.length > FEW_CORES ? 'heat' : 'lines',
        lines: group.map((core, index) => plain(`core:${core}`, `core ${core}`, index)),
      })),
    },
    {
      id: 'filesystems',
      title: 'File systems',
      columns: 2,
      charts: chunked(mounts).flatMap((group): ChartSpec[] => [
        {
          id: `space-${group[0]}`,
          title: 'Space used',
          unit: 'percent',
          lines: group.map((mount, index) => ({
            key: `fs:${mount}`,
            label: mount,
            color: index,
            inputs: [`fs:${mount}:used`, `fs:${mount}:available`],
            compute: ([used, available]) =>
              percentOf(
                used,
                typeof used === 'number' && typeof available === 'number' ? used + available : null,
              ),
          })),
        },
        {
          id: `inodes-${group[0]}`,
          title: 'Inodes used',
          unit: 'percent',
          lines: group.map((mount, index) => ({
            key: `inodes:${mount}`,
            label: mount,
            color: index,
            inputs: [`fs:${mount}:inodes_used`, `fs:${mount}:inodes`],
            compute: ([used, all]) => percentOf(used, all),
          })),
        },
      ]),
    },
    {
      id: 'disks',
      title: 'Disks',
      columns: 3,
      charts: disks.flatMap((disk): ChartSpec[] => [
        {
          id: `disk-${disk}-bytes`,
          title: `${disk} throughput`,
          unit: 'bytes_per_s',
          lines: [plain(`disk:${disk}:read`, 'read', 1), plain(`disk:${disk}:write`, 'written', 2)],
        },
        {
          id: `disk-${disk}-ops`,
          title: `${disk} operations`,
          unit: 'per_s',
          lines: [
            plain(`disk:${disk}:read_ops`, 'reads', 1),
            plain(`disk:${disk}:write_ops`, 'writes', 2),
          ],
        },
        {
          id: `disk-${disk}-util`,
          title: `${disk} busy`,
          unit: 'percent',
          lines: [plain(`disk:${disk}:util`, 'time in use', 0)],
        },
      ]),
    },
    {
      id: 'interfaces',
      title: 'Network interfaces',
      columns: 3,
      charts: nets.flatMap((net): ChartSpec[] => [
        {
          id: `net-${net}-bytes`,
          title: `${net} traffic`,
          unit: 'bytes_per_s',
          lines: [plain(`net:${net}:rx`, 'received', 1), plain(`net:${net}:tx`, 'sent', 0)],
        },
        {
          id: `net-${net}-packets`,
          title: `${net} packets`,
          unit: 'per_s',
          lines: [
            plain(`net:${net}:rx_packets`, 'received', 1),
            plain(`net:${net}:tx_packets`, 'sent', 0),
          ],
        },
        {
          id: `net-${net}-errors`,
          title: `${net} errors and drops`,
          unit: 'per_s',
          lines: [
            plain(`net:${net}:rx_errors`, 'rx errors', 5),
            plain(`net:${net}:tx_errors`, 'tx errors', 2),
            plain(`net:${net}:rx_drops`, 'rx drops', 3),
            plain(`net:${net}:tx_drops`, 'tx drops', 6),
          ],
        },
      ]),
    },
    {
      id: 'temperatures',
      title: 'Temperatures',
      columns: 2,
      charts: chunked(temps).map((group) => ({
        id: `temp-${group[0]}`,
        title: 'Sensors',
        unit: 'celsius',
        lines: group.map((sensor, index) => plain(`temp:${sensor}:celsius`, sensor, index)),
      })),
    },
  ]
  return sections.filter((section) => section.charts.length > 0)
}
