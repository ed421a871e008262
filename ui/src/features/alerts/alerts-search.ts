/** Filters of the alerts as they stand in the address, and as the API takes them. Pure. */
import { SEVERITIES } from '@/shared/alerts/severity'
import { daysAsMoments } from '@/shared/lib/time'

/** Words that are none of a choice let everything through. */
export interface AlertsSearch {
  /** `resolved`: the history; anything else: what is open. */
  state?: string
  severity?: string
  server?: string
  rule?: string
  tag?: string
  text?: string
  /** `yes` or `no`. */
  acknowledged?: string
  from?: string
  to?: string
}

export const ALERT_FILTERS = [
  'severity',
  'server',
  'rule',
  'tag',
  'text',
  'acknowledged',
  'from',
  'to',
] as const satisfies readonly (keyof AlertsSearch)[]

export const NO_FILTERS: AlertsSearch = Object.fromEntries(
  ALERT_FILTERS.map((name) => [name, undefined]),
)

export const isFiltered = (search: AlertsSearch): boolean =>
  ALERT_FILTERS.some((name) => search[name] !== undefined)

const known = (severity: string | undefined) => SEVERITIES.find((one) => one === severity)

export function alertsFilter({
  state,
  severity,
  server,
  rule,
  acknowledged,
  from,
  to,
  ...words
}: AlertsSearch) {
  return {
    ...words,
    state: state === 'resolved' ? state : 'open',
    severity: known(severity),
    server_id: server,
    rule_id: rule,
    acknowledged: acknowledged === 'yes' ? true : acknowledged === 'no' ? false : undefined,
    ...daysAsMoments({ from, to }),
  }
}
