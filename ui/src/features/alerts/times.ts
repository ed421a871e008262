/** Stretches of time as a rule writes them (`1h30m`), and for people. Pure. */

const UNITS: readonly [string, number][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
]

/** Milliseconds of a text such as `5m` or `1h30m`; null when it is none. A bare number is not a time: of what? */
export function timeMs(text: string): number | null {
  const parts = [...text.trim().matchAll(/(\d+)(ms|[dhms])/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text.trim()) return null
  return parts.reduce((sum, [, digits, unit]) => {
    const factor = UNITS.find(([name]) => name === unit)?.[1] ?? 0
    return sum + Number(digits) * factor
  }, 0)
}

/** The shortest text that `timeMs` reads as this. */
export function timeText(ms: number): string {
  if (ms <= 0) return '0s'
  let rest = Math.round(ms)
  let text = ''
  for (const [unit, factor] of UNITS) {
    if (rest < factor) continue
    text += `${Math.floor(rest / factor)}${unit}`
    rest %= factor
  }
  return text
}
