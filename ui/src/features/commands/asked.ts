/** What a command was given besides its line, out of `asked`, which is data of many shapes. Pure. */
import type { Command } from '@/shared/api/model'
import { joinArguments } from './arguments'
import { type Draft, EMPTY_DRAFT } from './draft'
import { timeText } from './surroundings'

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

export interface Asked {
  cwd: string | null
  /** Names only: the values are nobody's business. */
  env: string[]
  stdinBytes: number
  argv: string[] | null
}

export function askedOf(command: Pick<Command, 'asked'>): Asked {
  const asked: unknown = command.asked
  const run: Record<string, unknown> = isRecord(asked) && isRecord(asked.run) ? asked.run : {}
  const program: Record<string, unknown> = isRecord(run.program) ? run.program : {}
  const texts = (value: unknown): string[] =>
    Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : []
  return {
    cwd: typeof run.cwd === 'string' ? run.cwd : null,
    env: texts(run.env),
    stdinBytes: typeof run.stdin_bytes === 'number' ? run.stdin_bytes : 0,
    argv: Array.isArray(program.argv) ? texts(program.argv) : null,
  }
}

/** The command as somebody would type it again. What was secret has to be typed anew. */
export function draftOf(command: Pick<Command, 'asked' | 'command' | 'timeout_s'>): Draft {
  const { cwd, env, argv } = askedOf(command)
  return {
    ...EMPTY_DRAFT,
    mode: argv ? 'argv' : 'shell',
    line: argv ? joinArguments(argv) : command.command,
    cwd: cwd ?? '',
    env: env.map((name) => `${name}=`).join('\n'),
    time: timeText(command.timeout_s),
  }
}
