/** Rows of a job as they come live, among those that were loaded. Pure. */
import type { JobHost, JobHostList } from '@/shared/api/model'

/**
 * Puts rows that moved in their places. Which output group a row is in is only known from a load:
 * it stays as long as the row says the same.
 */
export function merged(
  before: JobHostList | undefined,
  moved: readonly JobHost[],
  hidden: number,
): JobHostList {
  const fresh = new Map(moved.map((host) => [host.server, host]))
  const hosts = (before?.hosts ?? []).map((host) => {
    const now = fresh.get(host.server)
    if (!now) return host
    fresh.delete(host.server)
    return { ...now, group: now.state === host.state ? host.group : null }
  })
  return { hosts: [...hosts, ...fresh.values()], groups: before?.groups ?? [], hidden }
}

const OPEN = new Set(['waiting', 'requested', 'running'])

/** Whether what was loaded of the outputs lacks some of these. */
export const hasEnds = (hosts: readonly JobHost[]): boolean =>
  hosts.some((host) => host.group === null && !OPEN.has(host.state) && host.state !== 'skipped')
