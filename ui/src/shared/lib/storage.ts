/**
 * Preferences of this browser (theme, density, columns). Nothing secret ever goes here: sessions
 * live in HttpOnly cookies. Storage may be blocked or full, so every access may quietly fail.
 */
const PREFIX = 'chatops.'

export function readText(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key)
  } catch {
    return null
  }
}

export function writeText(key: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + key, value)
  } catch {
    // The setting then lasts until the tab is closed.
  }
}

export function readJson<T>(key: string, isValid: (value: unknown) => value is T): T | null {
  const text = readText(key)
  if (text === null) return null
  try {
    const value: unknown = JSON.parse(text)
    return isValid(value) ? value : null
  } catch {
    return null
  }
}

export function writeJson(key: string, value: unknown): void {
  writeText(key, JSON.stringify(value))
}
