/**
 * The newest lines of a log, however many arrive: a bounded store outside React.
 *
 * Guarantees: at most `capacity` lines are held, in order; those that had to leave are counted; every
 * line keeps its number for as long as it is held. Readers are told at most every `FLUSH_MS`, so a
 * thousand lines a second cost four renders.
 */
import type { LogLine } from './line'

export const CAPACITY = 50_000
const FLUSH_MS = 250

export interface Held {
  /** Number of the oldest line that is held. */
  first: number
  lines: readonly LogLine[]
}

export class LogBuffer {
  readonly #capacity: number
  readonly #readers = new Set<() => void>()
  #lines: LogLine[] = []
  #first = 0
  #timer: ReturnType<typeof setTimeout> | null = null
  #shown: Held = { first: 0, lines: [] }

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity
  }

  /** The number of the first of these lines. */
  push(lines: readonly LogLine[]): number {
    const n = this.#first + this.#lines.length
    for (const line of lines) this.#lines.push(line)
    // Cut in large steps: moving 50,000 lines for each one that comes would be the main work.
    if (this.#lines.length > this.#capacity * 1.2) this.#cut()
    this.#soon()
    return n
  }

  /** A line that was not over has grown. False: it is not held any more. */
  amend(n: number, line: LogLine): boolean {
    const index = n - this.#first
    if (index < 0 || index >= this.#lines.length) return false
    this.#lines[index] = line
    this.#soon()
    return true
  }

  /** A hole in the log: that many lines were never sent. */
  skipped(count: number): void {
    if (count > 0) this.push([{ at: null, text: '', skipped: count }])
  }

  clear(): void {
    this.#first += this.#lines.length
    this.#lines = []
    this.#flush()
  }

  /** The same object until something has changed. */
  held = (): Held => this.#shown

  subscribe = (reader: () => void): (() => void) => {
    this.#readers.add(reader)
    return () => this.#readers.delete(reader)
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS)
  }

  #cut(): void {
    const surplus = this.#lines.length - this.#capacity
    if (surplus <= 0) return
    this.#lines = this.#lines.slice(surplus)
    this.#first += surplus
  }

  #flush(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#cut()
    this.#shown = { first: this.#first, lines: this.#lines.slice() }
    for (const reader of [...this.#readers]) reader()
  }
}
