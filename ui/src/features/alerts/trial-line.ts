/** The line of history that a trial can be drawn on. Pure. */
import type { Comparison } from './simple'

/** Which stored lines are asked for, and how they become the number that the rule looks at. */
export interface TrialLine {
  label: string
  inputs: string[]
  value: (inputs: readonly (number | null)[]) => number | null
}

const FS_SHARE = /^fs:(.*):share$/

/** Null: it looks at each device, and none is known; or at what is not stored as a line. */
export function trialLine(series: string, device: string): TrialLine | null {
  const name = device === '' ? series : withDevice(series, device)
  if (name.includes('*')) return null
  const share = FS_SHARE.exec(name)?.[1]
  if (share !== undefined) {
    return {
      label: name,
      inputs: [`fs:${share}:used`, `fs:${share}:available`],
      value: ([used, available]) =>
        typeof used === 'number' && typeof available === 'number' && used + available > 0
          ? (100 * used) / (used + available)
          : null,
    }
  }
  if (name.endsWith(':inodes_share')) return null
  return { label: name, inputs: [name], value: ([value]) => value ?? null }
}

/** `net:eth*:rx` of the device `eth0` is `net:eth0:rx`. */
function withDevice(series: string, device: string): string {
  const first = series.indexOf(':')
  if (first < 0 || !series.includes('*')) return series
  const last = series.lastIndexOf(':')
  return last === first
    ? `${series.slice(0, first)}:${device}`
    : `${series.slice(0, first)}:${device}${series.slice(last)}`
}

/** Points of a line are sums of many readings: what counts is the end that the limit looks at. */
export function sideOf(comparison: Comparison): 'max' | 'min' | 'avg' {
  if (comparison === '>' || comparison === '>=') return 'max'
  return comparison === '<' || comparison === '<=' ? 'min' : 'avg'
}
