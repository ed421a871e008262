import type { Grant } from '@/shared/api/model'

export type Level = Grant['level']

export const LEVELS: readonly { value: Level; label: string; means: string }[] = [
  { value: 'view', label: 'View', means: 'See its figures, settings and connections' },
  { value: 'operate', label: 'Operate', means: 'Also act on it, without changing its settings' },
  {
    value: 'manage',
    label: 'Manage',
    means: 'Also its settings, keys, and whom it is shared with',
  },
]

export const levelLabel = (level: Level): string =>
  LEVELS.find((entry) => entry.value === level)?.label ?? level

/** Each level holds the ones before it. */
export const isMore = (a: Level, b: Level | null): boolean =>
  LEVELS.findIndex((entry) => entry.value === a) > LEVELS.findIndex((entry) => entry.value === b)
