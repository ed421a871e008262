/** A script as it is being written, and as the API takes it. Pure. */
import type { Script, ScriptParameter, ScriptRequest } from '@/shared/api/model'

export interface ParameterDraft {
  /** Stays with its row while others come and go. */
  key: number
  name: string
  description: string
  kind: ScriptParameter['kind']
  /** One a line. */
  choices: string
  usual: string
  required: boolean
}

export interface ScriptDraft {
  name: string
  description: string
  how: 'shell' | 'program'
  /** For the shell. */
  command: string
  /** The program and its arguments, one a line. */
  argv: string
  folder: string
  seconds: string
  needsApproval: boolean
  parameters: ParameterDraft[]
}

export const EMPTY: ScriptDraft = {
  name: '',
  description: '',
  how: 'shell',
  command: '',
  argv: '',
  folder: '',
  seconds: '60',
  needsApproval: false,
  parameters: [],
}

export function draftOf(script: Script): ScriptDraft {
  return {
    name: script.name,
    description: script.description ?? '',
    how: script.argv ? 'program' : 'shell',
    command: script.command ?? '',
    argv: script.argv?.join('\n') ?? '',
    folder: script.cwd ?? '',
    seconds: String(script.timeout_s),
    needsApproval: script.needs_approval,
    parameters: script.parameters.map((parameter, key) => ({
      key,
      name: parameter.name,
      description: parameter.description ?? '',
      kind: parameter.kind,
      choices: parameter.choices?.join('\n') ?? '',
      usual: parameter.default ?? '',
      required: parameter.required ?? false,
    })),
  }
}

export const newParameter = (others: readonly ParameterDraft[]): ParameterDraft => ({
  key: Math.max(-1, ...others.map(({ key }) => key)) + 1,
  name: '',
  description: '',
  kind: 'text',
  choices: '',
  usual: '',
  required: false,
})

const lines = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')

/** As they are: spaces at the ends belong to an argument. */
const args = (text: string) => text.split('\n').filter((line) => line !== '')

export type Problems = Record<string, string>

/** What is wrong, by field; the rest is for the API to judge. A parameter's fields are `name-<key>` and so on. */
export function problemsOf(draft: ScriptDraft): Problems {
  const found: Problems = {}
  if (draft.name.trim() === '') found.name = 'Give it a name'
  if (draft.how === 'shell' ? draft.command.trim() === '' : args(draft.argv).length === 0) {
    found.program = 'Say what to run'
  }
  const seconds = Number(draft.seconds)
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 86_400) {
    found.seconds = 'Use 1 to 86,400 seconds'
  }
  const seen = new Set<string>()
  for (const parameter of draft.parameters) {
    const { key, kind } = parameter
    const name = parameter.name.trim()
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name)) {
      found[`name-${key}`] = 'Use letters, digits and _, and no digit first'
    } else if (seen.has(name)) found[`name-${key}`] = 'There is one of this name already'
    seen.add(name)
    const choices = lines(parameter.choices)
    if (kind === 'choice' && choices.length === 0)
      found[`choices-${key}`] = 'Name what to choose from'
    const usual = kind === 'secret' ? '' : parameter.usual
    if (usual === '') continue
    if (kind === 'number' && !/^[+-]?\d+$/.test(usual)) found[`usual-${key}`] = 'Not a whole number'
    if (kind === 'choice' && !choices.includes(usual))
      found[`usual-${key}`] = 'Not one of the choices'
  }
  return found
}

export function requestOf(draft: ScriptDraft): ScriptRequest {
  return {
    name: draft.name.trim(),
    description: draft.description.trim() || undefined,
    ...(draft.how === 'shell' ? { command: draft.command } : { argv: args(draft.argv) }),
    cwd: draft.folder.trim() || undefined,
    timeout_s: Number(draft.seconds),
    needs_approval: draft.needsApproval,
    parameters: draft.parameters.map((parameter) => ({
      name: parameter.name.trim(),
      description: parameter.description.trim() || undefined,
      kind: parameter.kind,
      choices: parameter.kind === 'choice' ? lines(parameter.choices) : [],
      default: parameter.kind === 'secret' ? undefined : parameter.usual || undefined,
      required: parameter.required,
    })),
  }
}
