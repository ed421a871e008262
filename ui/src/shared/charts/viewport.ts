/**
 * The stretch of time that all charts of a page show together.
 *
 * Lies outside React: the window moves every second and only canvases care. Anything may hold it
 * still (the pause button, a pointer resting on a chart); readings are collected meanwhile, and when
 * the last hold is released the charts catch up in one step.
 */
export interface Window {
  from: number
  to: number
}

export class Viewport {
  readonly #listeners = new Set<() => void>()
  readonly #holds = new Set<string>()
  #current: () => Window
  #still: Window | null = null

  constructor(current: () => Window) {
    this.#current = current
  }

  /** The range was changed: old holds of pointers make no sense for the new window. */
  setRange(current: () => Window): void {
    this.#current = current
    this.#still = this.#holds.size > 0 ? current() : null
    this.tick()
  }

  window(): Window {
    return this.#still ?? this.#current()
  }

  get held(): boolean {
    return this.#still !== null
  }

  hold(reason: string): void {
    if (this.#holds.size === 0) this.#still = this.#current()
    this.#holds.add(reason)
  }

  release(reason: string): void {
    if (!this.#holds.delete(reason) || this.#holds.size > 0) return
    this.#still = null
    this.tick()
  }

  tick(): void {
    for (const listener of this.#listeners) listener()
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
