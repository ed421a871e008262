import type { Command } from '@/shared/api/model'
import { duration, milliseconds } from '@/shared/lib/format'
import { useNow } from '@/shared/lib/now'

/** How long it took, or takes so far. */
export function Took({ command }: { command: Command }) {
  const now = useNow()
  const { state, duration_ms: ms, started_at } = command
  if (state === 'ended')
    return ms !== null && ms >= 60_000 ? duration(ms / 1_000) : milliseconds(ms)
  return started_at ? duration((now - Date.parse(started_at)) / 1_000) : '–'
}
