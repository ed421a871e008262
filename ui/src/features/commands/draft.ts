/** What the run box holds, and the request in it. Pure. */
import { splitArguments } from './arguments'
import { parseTime, parseVariables, timeText } from './surroundings'

/** What is asked for, as the API takes it. */
export interface RunRequest {
  command?: string
  argv?: string[]
  cwd?: string
  env?: Record<string, string>
  stdin?: string
  /** Seconds. */
  timeout: number
}

export type Mode = 'shell' | 'argv'

/** What the box holds; all of it text, as typed. */
export interface Draft {
  mode: Mode
  line: string
  cwd: string
  env: string
  stdin: string
  time: string
}

const USUAL_TIME_S = 60
export const EMPTY_DRAFT: Draft = {
  mode: 'shell',
  line: '',
  cwd: '',
  env: '',
  stdin: '',
  time: timeText(USUAL_TIME_S),
}

export type Mistakes = Partial<Record<'line' | 'cwd' | 'env' | 'time', string>>

/** The request in a draft, or what is wrong with it. */
export function requestIn(draft: Draft): { request: RunRequest; mistakes: Mistakes } {
  const mistakes: Mistakes = {}
  const timeout = parseTime(draft.time)
  const { env, problem } = parseVariables(draft.env)
  const split = splitArguments(draft.line)
  if (draft.line.trim() === '') mistakes.line = 'Type what to run'
  else if (draft.mode === 'argv' && split.problem) mistakes.line = split.problem
  if (draft.cwd !== '' && !draft.cwd.startsWith('/')) mistakes.cwd = 'Begin with a /'
  if (problem) mistakes.env = problem
  if (timeout === null) mistakes.time = 'For example 30 s, 5 min or 2 h; at most a day'
  return {
    mistakes,
    request: {
      ...(draft.mode === 'shell' ? { command: draft.line } : { argv: split.list }),
      cwd: draft.cwd || undefined,
      env: Object.keys(env).length > 0 ? env : undefined,
      stdin: draft.stdin || undefined,
      timeout: timeout ?? USUAL_TIME_S,
    },
  }
}
