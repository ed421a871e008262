/**
 * All servers the user may see, with their newest figures. Loaded once over HTTP, then kept by the
 * live socket. It lies outside React: thousands of small changes a second become one new snapshot
 * per flush, and a row object changes identity only when its content does.
 */
import type { RowMetrics, Server } from '../api/model'
import type { LiveItem } from '../ws/frames'

export interface FleetRow {
  readonly server: Server
  /** Server time in ms at which the newest reading was heard of; null without one. */
  readonly heardAt: number | null
}

export interface FleetSnapshot {
  readonly rows: readonly FleetRow[]
  readonly byId: ReadonlyMap<string, FleetRow>
  readonly loaded: boolean
  /** Grows when servers come, go or are renamed, but not with their figures. */
  readonly roster: number
}

export interface FleetClock {
  now(): number
  /** Runs `flush` soon; how soon is the host's choice. */
  schedule(flush: () => void): void
}

export function toRow(server: Server): FleetRow {
  const seen = server.last_seen ?? server.latest?.ts
  return { server, heardAt: seen && server.latest ? Date.parse(seen) : null }
}

/** When its agent last came or went, in ms. */
function presenceAt(server: Server): number {
  return server.presence_at ? Date.parse(server.presence_at) : 0
}

/**
 * An answer of the API over what is known. The live socket reads the streams, the API tables that
 * are written from them: an answer may be the older of the two, figures and presence each.
 */
function merge(known: FleetRow | undefined, answer: Server): FleetRow {
  const row = toRow(answer)
  if (!known) return row
  const figures = (known.server.latest?.seq ?? -1) > (answer.latest?.seq ?? -1)
  const later = presenceAt(known.server) - presenceAt(answer)
  const server = { ...answer }
  if (figures) {
    server.latest = known.server.latest
    server.last_seen = known.server.last_seen
  }
  if (later > 0 || (figures && later === 0)) {
    server.status = known.server.status
    server.connected_since = known.server.connected_since
    server.presence_at = known.server.presence_at
  }
  return { server, heardAt: figures || later > 0 ? known.heardAt : row.heardAt }
}

export class FleetStore {
  readonly #clock: FleetClock
  readonly #listeners = new Set<() => void>()
  #byId = new Map<string, FleetRow>()
  #snapshot: FleetSnapshot = { rows: [], byId: new Map(), loaded: false, roster: 0 }
  #loaded = false
  #roster = 0
  #scheduled = false

  constructor(clock: FleetClock) {
    this.#clock = clock
  }

  snapshot = (): FleetSnapshot => this.#snapshot

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get size(): number {
    return this.#byId.size
  }

  /** A complete list from the API. What the live socket told after it was read is kept. */
  replace(servers: Server[]): void {
    const next = new Map<string, FleetRow>()
    for (const server of servers) {
      next.set(server.id, merge(this.#byId.get(server.id), server))
    }
    this.#byId = next
    this.#loaded = true
    this.#roster += 1
    this.#flush()
  }

  /** One server as the API answered it after a write or on its own page. */
  put(server: Server): void {
    this.#byId.set(server.id, merge(this.#byId.get(server.id), server))
    this.#roster += 1
    this.#flush()
  }

  remove(id: string): void {
    if (!this.#byId.delete(id)) return
    this.#roster += 1
    this.#flush()
  }

  clear(): void {
    this.#byId = new Map()
    this.#loaded = false
    this.#roster += 1
    this.#flush()
  }

  apply(items: readonly LiveItem[]): void {
    let changed = false
    for (const item of items) changed = this.#applyOne(item) || changed
    if (!changed || this.#scheduled) return
    this.#scheduled = true
    this.#clock.schedule(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #applyOne(item: LiveItem): boolean {
    switch (item.k) {
      case 'row':
        return this.#figures(item.server, item.row)
      case 'presence': {
        const row = this.#byId.get(item.server)
        if (!row || presenceAt(row.server) > Date.parse(item.at)) return false
        const online = item.status === 'online'
        this.#byId.set(item.server, {
          ...row,
          server: {
            ...row.server,
            status: item.status,
            connected_since: online ? item.at : null,
            presence_at: item.at,
          },
          // A fresh connection has its first interval before it can be late.
          heardAt: online ? this.#clock.now() : row.heardAt,
        })
        return true
      }
      case 'server':
        this.#roster += 1
        if (item.op === 'deleted') return this.#byId.delete(item.server)
        this.#byId.set(item.server.id, merge(this.#byId.get(item.server.id), item.server))
        return true
      case 'alert': {
        const row = this.#byId.get(item.server)
        if (!row) return false
        this.#byId.set(item.server, { ...row, server: { ...row.server, alerts: item.open } })
        return true
      }
      case 'sample':
        return false
    }
  }

  #figures(id: string, latest: RowMetrics): boolean {
    const row = this.#byId.get(id)
    if (!row || (row.server.latest?.seq ?? -1) >= latest.seq) return false
    // The last readings of an agent that is gone may come after the news that it is gone. Without any
    // news of connections the readings alone say that it is there.
    const gone = row.server.status === 'offline' && row.server.presence_at !== null
    const status = gone ? 'offline' : 'online'
    this.#byId.set(id, {
      server: { ...row.server, latest, last_seen: latest.ts, status },
      heardAt: this.#clock.now(),
    })
    return true
  }

  #flush(): void {
    this.#snapshot = {
      rows: [...this.#byId.values()],
      byId: new Map(this.#byId),
      loaded: this.#loaded,
      roster: this.#roster,
    }
    for (const listener of this.#listeners) listener()
  }
}
