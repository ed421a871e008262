/** Values that somebody fills in for the parameters of a script. */
import type { Script } from '../api/model'

export type Values = Record<string, string>

/** Only what was filled in: an empty field means the default. */
export const valuesGiven = (script: Script, values: Values): Values =>
  Object.fromEntries(
    script.parameters
      .map((parameter) => [parameter.name, values[parameter.name] ?? ''] as const)
      .filter(([, value]) => value !== ''),
  )

/** Names of parameters that need a value and have none. */
export const valuesMissing = (script: Script, values: Values): string[] =>
  script.parameters
    .filter(({ required, default: usual }) => required && !usual)
    .map(({ name }) => name)
    .filter((name) => !values[name])
