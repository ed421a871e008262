/**
 * Numbers as text. Every function gives a string of bounded width so that live figures do not
 * jitter, and "–" for a value that is not there (null, NaN), never 0.
 */
export type Unit =
  | 'percent'
  | 'bytes'
  | 'bytes_per_s'
  | 'per_s'
  | 'count'
  | 'load'
  | 'celsius'
  | 'ms'
  | 'seconds'

export type Maybe = number | null | undefined

export const NONE = '–'

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
const SHORT_BINARY = ['B', 'K', 'M', 'G', 'T', 'P']

function missing(value: Maybe): value is null | undefined {
  return value === null || value === undefined || !Number.isFinite(value)
}

/** Three significant digits, never more than four characters before the unit. */
function three(value: number): string {
  const size = Math.abs(value)
  if (size >= 99.95) return value.toFixed(0)
  if (size >= 9.995) return value.toFixed(1)
  return value.toFixed(2)
}

function binary(value: number, units: string[], separator: string): string {
  let scaled = value
  let step = 0
  // 999.5 of one unit would print as four digits; go up before that happens.
  while (Math.abs(scaled) >= 999.5 && step < units.length - 1) {
    scaled /= 1024
    step += 1
  }
  const digits = step === 0 ? Math.round(scaled).toString() : three(scaled)
  return `${digits}${separator}${units[step]}`
}

export function percent(value: Maybe): string {
  if (missing(value)) return NONE
  return value >= 99.95 ? `${value.toFixed(0)} %` : `${value.toFixed(1)} %`
}

export function bytes(value: Maybe): string {
  return missing(value) ? NONE : binary(value, BINARY, ' ')
}

export function bytesPerSecond(value: Maybe): string {
  return missing(value) ? NONE : `${binary(value, BINARY, ' ')}/s`
}

/** For tight table cells: "1.24M/s". */
export function shortRate(value: Maybe): string {
  return missing(value) ? NONE : binary(value, SHORT_BINARY, '')
}

export function count(value: Maybe): string {
  if (missing(value)) return NONE
  const size = Math.abs(value)
  if (size >= 999_500_000) return `${three(value / 1e9)} G`
  if (size >= 999_500) return `${three(value / 1e6)} M`
  if (size >= 9_999.5) return `${three(value / 1e3)} k`
  return Number.isInteger(value) ? value.toString() : three(value)
}

export function decimal(value: Maybe, digits = 2): string {
  return missing(value) ? NONE : value.toFixed(digits)
}

export function milliseconds(value: Maybe): string {
  if (missing(value)) return NONE
  return value >= 999.5 ? `${three(value / 1000)} s` : `${three(value)} ms`
}

/** "3 d 4 h", "12 min", "45 s": the two largest parts. */
export function duration(seconds: Maybe): string {
  if (missing(seconds)) return NONE
  const total = Math.max(0, Math.floor(seconds))
  const days = Math.floor(total / 86_400)
  const hours = Math.floor((total % 86_400) / 3_600)
  const minutes = Math.floor((total % 3_600) / 60)
  if (days > 0) return hours > 0 ? `${days} d ${hours} h` : `${days} d`
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`
  if (minutes > 0) return `${minutes} min`
  return `${total} s`
}

export function withUnit(value: Maybe, unit: Unit): string {
  switch (unit) {
    case 'percent':
      return percent(value)
    case 'bytes':
      return bytes(value)
    case 'bytes_per_s':
      return bytesPerSecond(value)
    case 'per_s':
      return missing(value) ? NONE : `${count(value)}/s`
    case 'count':
      return count(value)
    case 'load':
      return decimal(value)
    case 'celsius':
      return missing(value) ? NONE : `${value.toFixed(1)} °C`
    case 'ms':
      return milliseconds(value)
    case 'seconds':
      return duration(value)
  }
}

/** Axis labels: like `withUnit` but short enough (ten characters) for the fixed gutter. */
export function axisLabel(value: number, unit: Unit): string {
  switch (unit) {
    case 'percent':
      return `${trimZeros(value)} %`
    case 'bytes':
      return value === 0 ? '0' : trimUnit(binary(value, BINARY, ' '))
    case 'bytes_per_s':
      return value === 0 ? '0' : `${trimUnit(binary(value, BINARY, ' '))}/s`
    case 'celsius':
      return `${trimZeros(value)} °`
    case 'ms':
      return value >= 1000 ? `${trimZeros(value / 1000)} s` : `${trimZeros(value)} ms`
    case 'seconds':
      return duration(value)
    case 'per_s':
    case 'count':
      return trimUnit(count(value))
    case 'load':
      return trimZeros(value)
  }
}

function trimZeros(value: number): string {
  return Number(value.toPrecision(4)).toString()
}

function trimUnit(text: string): string {
  const [digits = '', unit] = text.split(' ')
  const short = Number(digits).toString()
  return unit ? `${short} ${unit}` : short
}

/** "1 server", "2 servers". */
export function plural(amount: number, one: string, many = `${one}s`): string {
  return `${amount.toLocaleString('en')} ${amount === 1 ? one : many}`
}
