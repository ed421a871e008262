/**
 * Everything that arrives live about one server while its page is open: the newest full reading for
 * tables, and a ring of the last hour for charts. Readings never pass through React state on their
 * way to a canvas; tables take snapshots.
 */
import type { LiveItem } from '../ws/frames'
import { Ring } from './ring'
import { flatten, type Sample } from './sample'

export interface NewestSample {
  readonly sample: Sample
  readonly seq: number
  /** Time of the reading on its host, ms. */
  readonly ts: number
  /** Server time at which it was heard of, ms. */
  readonly heardAt: number
}

/** An hour at one reading a second, with something to spare. */
const CAPACITY = 4_000

export class ServerFeed {
  readonly ring = new Ring(CAPACITY)
  readonly #server: string
  readonly #now: () => number
  readonly #listeners = new Set<() => void>()
  #newest: NewestSample | null = null

  constructor(server: string, now: () => number) {
    this.#server = server
    this.#now = now
  }

  newest = (): NewestSample | null => this.#newest

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What the API knew when the page opened; ignored when something newer came meanwhile. */
  seed(seq: number, ts: number, heardAt: number, sample: Sample): void {
    if (this.#newest && this.#newest.seq >= seq) return
    this.#newest = { seq, ts, heardAt, sample }
    this.#notify()
  }

  apply(items: readonly LiveItem[]): void {
    let changed = false
    for (const item of items) {
      if (item.k !== 'sample' || item.server !== this.#server) continue
      const ts = Date.parse(item.ts)
      this.ring.push(ts, flatten(item.sample))
      if (!this.#newest || item.seq > this.#newest.seq) {
        this.#newest = { seq: item.seq, ts, heardAt: this.#now(), sample: item.sample }
      }
      changed = true
    }
    if (changed) this.#notify()
  }

  #notify(): void {
    for (const listener of this.#listeners) listener()
  }
}
