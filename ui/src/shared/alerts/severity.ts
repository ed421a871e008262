/** How bad an alert is, as word, shape and colour, and how severities stand to each other. */
import type { Tone } from '../ui/status-dot'

export const SEVERITIES = ['critical', 'warning', 'info'] as const
export type Severity = (typeof SEVERITIES)[number]

export const SEVERITY_TEXT: Record<Severity, string> = {
  critical: 'Critical',
  warning: 'Warning',
  info: 'Info',
}

export const SEVERITY_TONE: Record<Severity, Tone> = {
  critical: 'bad',
  warning: 'warn',
  info: 'accent',
}

export const SEVERITY_HINT: Record<Severity, string> = {
  critical: 'Somebody should look now',
  warning: 'Somebody should look today',
  info: 'Good to know',
}

/** Lower is worse. */
export const rankOf = (severity: Severity): number => SEVERITIES.indexOf(severity)
