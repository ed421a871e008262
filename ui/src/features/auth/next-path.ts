/** Where to go after signing in: a path of this app, never another site. */
export function nextPath(next: string | undefined): string {
  if (next === undefined || !next.startsWith('/') || /^\/[/\\]/.test(next)) return '/servers'
  return /^\/(login|register|setup)\b/.test(next) ? '/servers' : next
}
