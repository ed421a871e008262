import type { Tone } from '@/shared/ui/status-dot'

export interface Condition {
  tone: Tone
  text: string
}

export function condition(state: string | null | undefined, health?: string | null): Condition {
  if (state === 'running') {
    if (health === 'unhealthy') return { tone: 'bad', text: 'Unhealthy' }
    if (health === 'starting') return { tone: 'warn', text: 'Starting' }
    return { tone: 'ok', text: health === 'healthy' ? 'Healthy' : 'Running' }
  }
  if (state === 'restarting') return { tone: 'bad', text: 'Restarting' }
  if (state === 'paused') return { tone: 'warn', text: 'Paused' }
  if (state === 'dead') return { tone: 'bad', text: 'Dead' }
  return { tone: 'off', text: state ? `${state[0]?.toUpperCase()}${state.slice(1)}` : 'Unknown' }
}

export type Action = 'start' | 'stop' | 'restart' | 'pause' | 'unpause' | 'kill' | 'remove'

export const ACTION_TEXT: Record<Action, string> = {
  start: 'Start',
  stop: 'Stop',
  restart: 'Restart',
  pause: 'Pause',
  unpause: 'Unpause',
  kill: 'Kill',
  remove: 'Remove',
}

/** What can be done with a container in this state. */
export function actionsFor(state: string): Action[] {
  if (state === 'running') return ['stop', 'restart', 'pause', 'kill']
  if (state === 'paused') return ['unpause', 'stop', 'kill']
  if (state === 'restarting') return ['stop', 'kill']
  return ['start', 'remove']
}

/** Sorted groups by compose project; those without one come last. */
export function byProject<T extends { name: string; project?: string | null }>(
  list: readonly T[],
): [string, T[]][] {
  const groups = new Map<string, T[]>()
  for (const container of list) {
    const key = container.project ?? ''
    groups.set(key, [...(groups.get(key) ?? []), container])
  }
  const sorted = [...groups].sort(([a], [b]) => (a === '' ? 1 : b === '' ? -1 : a.localeCompare(b)))
  for (const [, members] of sorted) members.sort((a, b) => a.name.localeCompare(b.name))
  return sorted
}
