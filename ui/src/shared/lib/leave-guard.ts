import { useBlocker } from '@tanstack/react-router'

/** Leaving with changes that are not saved asks first, inside the app and when the tab closes. */
export function useLeaveGuard(dirty: boolean): void {
  useBlocker({
    shouldBlockFn: () => dirty && !window.confirm('Leave without saving your changes?'),
    enableBeforeUnload: dirty,
    disabled: !dirty,
  })
}
