/**
 * A tab may outlive the server it came from. When the socket tells another version than the first
 * one, a quiet toast offers to reload; a hidden tab reloads by itself.
 */
import { toast } from '@/shared/ui/toast'
import { useLive } from '@/shared/ws/live'

/** A lazy part of the page that the new build does not have any more. */
export function isStaleBuild(error: unknown): boolean {
  return (
    error instanceof Error &&
    /dynamically imported module|importing a module script failed|failed to fetch.*\.js/i.test(
      error.message,
    )
  )
}

export function watchBuild(): void {
  let first: string | null = null
  let changed = false
  useLive.subscribe(({ version }) => {
    if (version === null) return
    first ??= version
    if (changed || version === first) return
    changed = true
    if (document.visibilityState === 'hidden') {
      window.location.reload()
      return
    }
    toast({
      tone: 'info',
      title: `ChatOps ${version} is here`,
      detail: 'This page still runs the version before.',
      action: { label: 'Reload', run: () => window.location.reload() },
    })
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') window.location.reload()
    })
  })
}
