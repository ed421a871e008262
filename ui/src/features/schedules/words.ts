import type { Schedule } from '@/shared/api/model'

/** What is done about runs that nobody could start in time. */
export function missedText({
  missed,
  missed_max,
}: Pick<Schedule, 'missed' | 'missed_max'>): string {
  if (missed === 'skip') return 'left out'
  if (missed === 'run_once') return 'made up for by one run'
  return `made up for one by one, at most ${missed_max ?? 1}`
}

/** Names that are written out. */
const NAMED = 3

/** Which servers are meant. */
export function whereText(
  { targets }: Pick<Schedule, 'targets'>,
  nameOf: (id: string) => string,
): string {
  if (targets.tag) return `all with the label ${targets.tag}`
  if (targets.query) return `all named like “${targets.query}”`
  const servers = targets.servers ?? []
  const names = servers.slice(0, NAMED).map(nameOf).join(', ')
  return servers.length > NAMED ? `${names} and ${servers.length - NAMED} more` : names
}
