/**
 * One reading of a host as the agent sends it (`metrics.sample` version 1, described by the JSON
 * Schema of the event) and the way from it to named series. The names are those of the history API,
 * so that live values continue the lines that history began.
 */
type Num = number | null

export interface Process {
  pid: number
  name: string
  user?: string | null
  cpu?: Num
  mem?: Num
}

export interface Container {
  id: string
  name: string
  image?: string | null
  project?: string | null
  state?: string | null
  health?: string | null
  restarts?: Num
  cpu?: Num
  mem?: Num
  mem_limit?: Num
  rx?: Num
  tx?: Num
  read?: Num
  write?: Num
}

export interface Filesystem {
  mount: string
  device?: string | null
  kind?: string | null
  total?: Num
  used?: Num
  available?: Num
  inodes?: Num
  inodes_used?: Num
}

interface Disk {
  name: string
  read?: Num
  write?: Num
  read_ops?: Num
  write_ops?: Num
  util?: Num
  await_ms?: Num
}

interface Interface {
  name: string
  rx?: Num
  tx?: Num
  rx_packets?: Num
  tx_packets?: Num
  rx_errors?: Num
  tx_errors?: Num
  rx_drops?: Num
  tx_drops?: Num
}

export interface Sample {
  interval_ms?: Num
  cpu?: {
    total?: Num
    user?: Num
    system?: Num
    iowait?: Num
    steal?: Num
    cores?: Num[]
  } | null
  load?: { one?: Num; five?: Num; fifteen?: Num } | null
  mem?: { total?: Num; used?: Num; available?: Num; cached?: Num; buffers?: Num } | null
  swap?: { total?: Num; used?: Num } | null
  psi?: { cpu?: Num; mem?: Num; io?: Num } | null
  host?: { uptime_s?: Num; processes?: Num; running?: Num; blocked?: Num } | null
  fs?: Filesystem[]
  disk?: Disk[]
  net?: Interface[]
  temp?: { name: string; celsius?: Num }[]
  top_cpu?: Process[]
  top_mem?: Process[]
  containers?: Container[]
  failed_units?: string[]
  truncated?: Num
}

export type SeriesValues = Map<string, number | null>

function share(part: Num | undefined, whole: Num | undefined): number | null {
  if (part === null || part === undefined || !whole) return null
  return (100 * part) / whole
}

function sum(values: (Num | undefined)[]): number | null {
  let total: number | null = null
  for (const value of values) {
    if (typeof value === 'number') total = (total ?? 0) + value
  }
  return total
}

function most(values: (Num | undefined)[]): number | null {
  let top: number | null = null
  for (const value of values) {
    if (typeof value === 'number' && (top === null || value > top)) top = value
  }
  return top
}

/**
 * Names of devices whose traffic passes through another one, too: a packet of a container crosses
 * its own interface, a bridge and the network card, but is one packet. The same lists, and the same
 * rule for hosts that have nothing else, as where the history is written: totals must not jump when
 * live readings continue it.
 */
export const VIRTUAL_INTERFACE =
  /^(lo$|veth|docker|br-|virbr|cni|flannel|cali|vxlan|kube-|lxc|podman)/
export const VIRTUAL_DISK = /^(loop|ram|zram|dm-|md)/

function physical<T extends { name: string }>(devices: T[], virtual: RegExp): T[] {
  const real = devices.filter((device) => !virtual.test(device.name))
  return real.length > 0 ? real : devices
}

/** Names the values of one reading as the history API does. */
export function flatten(sample: Sample): SeriesValues {
  const out: SeriesValues = new Map()
  const put = (name: string, value: Num | undefined) => out.set(name, value ?? null)

  const { cpu, load, mem, swap, psi, host } = sample
  put('cpu', cpu?.total)
  put('cpu_user', cpu?.user)
  put('cpu_system', cpu?.system)
  put('cpu_iowait', cpu?.iowait)
  put('cpu_steal', cpu?.steal)
  cpu?.cores?.forEach((value, index) => {
    put(`core:${index}`, value)
  })
  put('load1', load?.one)
  put('load5', load?.five)
  put('load15', load?.fifteen)
  put('mem_used', mem?.used)
  put('mem_available', mem?.available)
  put('mem_cached', mem?.cached)
  put('mem_buffers', mem?.buffers)
  put('mem', share(mem?.used, mem?.total))
  put('swap_used', swap?.used)
  put('swap', share(swap?.used, swap?.total))
  put('psi_cpu', psi?.cpu)
  put('psi_mem', psi?.mem)
  put('psi_io', psi?.io)
  put('uptime_s', host?.uptime_s)
  put('processes', host?.processes)
  put('procs_running', host?.running)
  put('procs_blocked', host?.blocked)

  const fs = sample.fs ?? []
  for (const { mount, total, used, available, inodes, inodes_used } of fs) {
    put(`fs:${mount}:total`, total)
    put(`fs:${mount}:used`, used)
    put(`fs:${mount}:available`, available)
    put(`fs:${mount}:inodes`, inodes)
    put(`fs:${mount}:inodes_used`, inodes_used)
  }
  put('disk', most(fs.map((entry) => fullness(entry))))

  const disks = sample.disk ?? []
  for (const { name, ...values } of disks) {
    for (const key of ['read', 'write', 'read_ops', 'write_ops', 'util', 'await_ms'] as const) {
      put(`disk:${name}:${key}`, values[key])
    }
  }
  const whole = physical(disks, VIRTUAL_DISK)
  put('disk_read', sum(whole.map((entry) => entry.read)))
  put('disk_write', sum(whole.map((entry) => entry.write)))

  const nets = sample.net ?? []
  for (const { name, ...values } of nets) {
    for (const key of [
      'rx',
      'tx',
      'rx_packets',
      'tx_packets',
      'rx_errors',
      'tx_errors',
      'rx_drops',
      'tx_drops',
    ] as const) {
      put(`net:${name}:${key}`, values[key])
    }
  }
  const real = physical(nets, VIRTUAL_INTERFACE)
  put('rx', sum(real.map((entry) => entry.rx)))
  put('tx', sum(real.map((entry) => entry.tx)))

  const temps = sample.temp ?? []
  for (const { name, celsius } of temps) put(`temp:${name}:celsius`, celsius)
  put('temp_max', most(temps.map((entry) => entry.celsius)))

  for (const { name, ...values } of sample.containers ?? []) {
    for (const key of ['cpu', 'mem', 'rx', 'tx', 'read', 'write'] as const) {
      put(`container:${name}:${key}`, values[key])
    }
  }
  return out
}

/** How full a file system is for ordinary users, as `df` says it. */
export function fullness({ used, available }: Filesystem): number | null {
  if (typeof used !== 'number' || typeof available !== 'number') return null
  return share(used, used + available)
}
