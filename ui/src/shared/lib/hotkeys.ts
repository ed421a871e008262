/**
 * Keyboard shortcuts. A combination is written `mod+k` (Ctrl, or ⌘ on a Mac), `?`, or `g s` for two
 * keys after each other. Single keys never fire while somebody types and can be switched off.
 */
import { useEffect, useRef } from 'react'
import { usePrefs } from './prefs'

const SEQUENCE_MS = 1_200

export const isMac = /mac|iphone|ipad/i.test(navigator.platform)

export function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return (
    target.isContentEditable ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement && !/^(checkbox|radio|button|range)$/.test(target.type))
  )
}

/** `mod+k` for a pressed combination, the bare key otherwise. Null: only a modifier. */
export function keyName(event: KeyboardEvent): string | null {
  if (['Control', 'Meta', 'Shift', 'Alt'].includes(event.key)) return null
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
  const mod = isMac ? event.metaKey : event.ctrlKey
  return mod ? `mod+${key}` : key
}

export type Hotkeys = Record<string, (event: KeyboardEvent) => void>

/** Listens while mounted. The newest handlers are used without listening anew. */
export function useHotkeys(keys: Hotkeys): void {
  const latest = useRef(keys)
  latest.current = keys
  const singleKeys = usePrefs((prefs) => prefs.singleKeys)

  useEffect(() => {
    let first: { key: string; at: number } | null = null
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return
      const key = keyName(event)
      if (key === null) return
      const withMod = key.startsWith('mod+')
      if (
        !withMod &&
        (!singleKeys || typing(event.target) || event.ctrlKey || event.metaKey || event.altKey)
      ) {
        return
      }
      // A dialog has the keyboard for itself, apart from combinations such as the palette's.
      if (!withMod && document.querySelector('[role="dialog"], [role="alertdialog"]')) return
      const pair = first && event.timeStamp - first.at < SEQUENCE_MS ? `${first.key} ${key}` : null
      const handlers = latest.current
      const handler = (pair === null ? undefined : handlers[pair]) ?? handlers[key]
      first = { key, at: event.timeStamp }
      if (!handler) return
      first = null
      event.preventDefault()
      handler(event)
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [singleKeys])
}
