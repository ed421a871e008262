/**
 * The newest readings of one server, in memory: aligned columns with a common time axis, oldest
 * first. Bounded; series may come and go (a mounted disk, a new container). Arrays are cut in bulk,
 * so a push costs a handful of appends.
 */
export class Ring {
  readonly #capacity: number
  #times: number[] = []
  #columns = new Map<string, (number | null)[]>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get length(): number {
    return this.#times.length
  }

  get times(): readonly number[] {
    return this.#times
  }

  get lastTime(): number | null {
    return this.#times.at(-1) ?? null
  }

  column(name: string): readonly (number | null)[] | undefined {
    return this.#columns.get(name)
  }

  names(): string[] {
    return [...this.#columns.keys()]
  }

  /** Readings that are not newer than the last one are refused: replays overlap what is known. */
  push(time: number, values: ReadonlyMap<string, number | null>): boolean {
    const last = this.lastTime
    if (last !== null && time <= last) return false
    const index = this.#times.length
    this.#times.push(time)
    for (const [name, value] of values) {
      let column = this.#columns.get(name)
      if (!column) {
        column = new Array<number | null>(index).fill(null)
        this.#columns.set(name, column)
      }
      column.push(value)
    }
    for (const column of this.#columns.values()) {
      if (column.length === index) column.push(null)
    }
    if (this.#times.length > this.#capacity * 1.25) this.#cut()
    return true
  }

  clear(): void {
    this.#times = []
    this.#columns = new Map()
  }

  #cut(): void {
    const surplus = this.#times.length - this.#capacity
    this.#times = this.#times.slice(surplus)
    for (const [name, column] of this.#columns) {
      const rest = column.slice(surplus)
      if (rest.some((value) => value !== null)) this.#columns.set(name, rest)
      else this.#columns.delete(name)
    }
  }
}
