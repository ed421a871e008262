/**
 * One clock for all ages on screen: a single timer, running only while somebody looks. The time is
 * corrected by what the server said its clock reads (`setServerTime`), so ages stay right on a
 * machine whose own clock is wrong.
 */
import { useSyncExternalStore } from 'react'

let offset = 0
let current = Date.now()
let timer: ReturnType<typeof setInterval> | null = null
const listeners = new Set<() => void>()

export function serverNow(): number {
  return Date.now() + offset
}

/** `at`: the server's clock in ms when its answer arrived. Small differences are network delay. */
export function setServerTime(at: number): void {
  const measured = at - Date.now()
  offset = Math.abs(measured) < 2_000 ? 0 : measured
}

function tick(): void {
  current = serverNow()
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  if (timer === null) {
    current = serverNow()
    timer = setInterval(tick, 1_000)
  }
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0 && timer !== null) {
      clearInterval(timer)
      timer = null
    }
  }
}

const snapshot = (): number => current

/** The server's time in ms, renewed every second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, snapshot)
}
