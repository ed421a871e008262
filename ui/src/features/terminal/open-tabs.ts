/** Which sessions this browser tab has open on which server: so that a reload finds them again. */
const key = (server: string) => `chatops.terminals.${server}`
const MOST = 16

export function readTabs(server: string): string[] {
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(key(server)) ?? '[]')
    if (!Array.isArray(stored)) return []
    return stored.filter((one): one is string => /^[0-9a-f-]{36}$/.test(String(one))).slice(0, MOST)
  } catch {
    return []
  }
}

export function writeTabs(server: string, sessions: string[]): void {
  try {
    sessionStorage.setItem(key(server), JSON.stringify(sessions.slice(0, MOST)))
  } catch {
    // Without storage a reload opens a new terminal; the old ones wait in the history.
  }
}
