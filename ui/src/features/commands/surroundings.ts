/** What a command is given besides its line: variables, and the time it may take. Pure. */

export interface Variables {
  env: Record<string, string>
  problem: string | null
}

/** `NAME=value`, one a line. The value is everything behind the first equals sign. */
export function parseVariables(text: string): Variables {
  const env: Record<string, string> = {}
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const at = line.indexOf('=')
    const name = line.slice(0, at).trim()
    const where = `Line ${index + 1}`
    if (at < 1 || name === '') return { env, problem: `${where} is not NAME=value` }
    if (/\s/.test(name)) return { env, problem: `${where}: a name has no spaces` }
    env[name] = line.slice(at + 1).replace(/\r$/, '')
  }
  return { env, problem: null }
}

const UNITS: Record<string, number> = { s: 1, min: 60, m: 60, h: 3_600 }
/** As the API has it. */
const LONGEST_S = 24 * 3_600

/** Seconds in `30s`, `5 min`, `2h`; a bare number is seconds. Null: not understood, or too long. */
export function parseTime(text: string): number | null {
  const found = /^\s*(\d+(?:\.\d+)?)\s*(s|min|m|h)?\s*$/i.exec(text)
  if (!found) return null
  const seconds = Math.round(Number(found[1]) * (UNITS[(found[2] ?? 's').toLowerCase()] ?? 1))
  return seconds >= 1 && seconds <= LONGEST_S ? seconds : null
}

/** The way back, in the largest unit that needs no fraction. */
export function timeText(seconds: number): string {
  if (seconds >= 3_600 && seconds % 3_600 === 0) return `${seconds / 3_600} h`
  return seconds >= 60 && seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`
}
