/** Which servers somebody means, as the API wants to be told. */
export interface Targets {
  servers?: string[]
  tag?: string
  query?: string
}

/** The ids in a choice of servers, each once. */
export const idsIn = (where: string): string[] => [
  ...new Set(where.split(/[\s,]+/).filter((id) => id !== '')),
]

/** Null while nothing is said. */
export function targetsOf(how: string, where: string): Targets | null {
  const text = where.trim()
  if (text === '') return null
  if (how === 'ids') return { servers: idsIn(text) }
  return how === 'tag' ? { tag: text } : { query: text }
}
