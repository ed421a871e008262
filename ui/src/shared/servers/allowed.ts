/**
 * What a host allows, as it said itself: by its settings, or for a while by `chatops-agent grant`.
 * For showing only: the host decides anew each time it is asked for something.
 */
import type { AgentInfo } from '../api/model'

export const CAPABILITIES = [
  'metrics',
  'processes',
  'docker',
  'logs',
  'exec',
  'terminal',
  'docker_control',
] as const
export type Capability = (typeof CAPABILITIES)[number]

/** In words that fit behind "does not allow" and "allows". */
export const CAPABILITY_TEXT: Record<Capability, string> = {
  metrics: 'figures',
  processes: 'its processes and services to be seen',
  docker: 'its containers to be seen',
  logs: 'its logs to be sent',
  exec: 'commands, signals and actions on services',
  terminal: 'terminals',
  docker_control: 'actions on containers',
}

/** `until`: null when it is allowed for good. */
export interface Allowed {
  until: number | null
}

/** Null: not allowed now. */
export function allowedAt(
  agent: Pick<AgentInfo, 'capabilities' | 'grants'>,
  capability: Capability,
  now: number,
): Allowed | null {
  if (agent.capabilities.includes(capability)) return { until: null }
  const ends = agent.grants
    .filter((grant) => grant.capability === capability)
    .map((grant) => Date.parse(grant.until))
  const until = Math.max(...ends)
  return until > now ? { until } : null
}

export const grantCommand = (capability: Capability): string =>
  `chatops-agent grant ${capability} 30m`
