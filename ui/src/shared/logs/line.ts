/** One line of a log, as the viewer shows it. */
export interface LogLine {
  /** Milliseconds since 1970; null when nobody knows. */
  at: number | null
  text: string
  /** Which output of a program wrote it. */
  stream?: 'stdout' | 'stderr' | null
  /** Stated by whoever wrote it; guessed from the text when absent. */
  level?: Level | null
  /** Where it comes from, where several sources are mixed: a server, a unit, a container. */
  source?: string | null
  /** Names it for ever: links to one line need it. */
  id?: string | null
  /** Path of the file, name of the unit or of the container. */
  origin?: string | null
  /** What else the line holds, by name. */
  fields?: Record<string, string> | null
  /** Not a line of the log: lines that are missing here. */
  skipped?: number
}

export type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'

/** The alert that a line is about; null: it is a line of a log. */
export const alertOf = (line: LogLine): string | null =>
  line.id?.startsWith('alert-') ? (line.fields?.alert ?? null) : null

const NAMES: Record<string, Level> = {
  fatal: 'fatal',
  panic: 'fatal',
  emerg: 'fatal',
  alert: 'fatal',
  crit: 'fatal',
  critical: 'fatal',
  error: 'error',
  err: 'error',
  warn: 'warn',
  warning: 'warn',
  notice: 'info',
  info: 'info',
  debug: 'debug',
  trace: 'trace',
}
const WORD =
  /\b(fatal|panic|emerg|alert|crit(?:ical)?|err(?:or)?|warn(?:ing)?|notice|info|debug|trace)\b/i
/** Levels stand near the beginning; further in, the word is only part of a sentence. */
const LOOK = 80

export function levelOf(line: LogLine): Level | null {
  if (line.level) return line.level
  const word = WORD.exec(line.text.slice(0, LOOK))?.[1]
  return word ? (NAMES[word.toLowerCase()] ?? null) : null
}

/** The line as an object, if it is a JSON object. */
export function jsonOf(text: string): object | null {
  const trimmed = text.trim()
  if (!trimmed.startsWith('{') || !trimmed.endsWith('}')) return null
  try {
    const value: unknown = JSON.parse(trimmed)
    return typeof value === 'object' ? value : null
  } catch {
    return null
  }
}
