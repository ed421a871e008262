/** Which servers somebody means, as the API wants to be told. */
export interface Targets {
  servers?: string[]
  tag?: string
  query?: string
}

/** Null while nothing is said. */
export function targetsOf(how: string, where: string): Targets | null {
  const text = where.trim()
  if (text === '') return null
  if (how === 'ids') return { servers: [...new Set(text.split(/[\s,]+/))] }
  return how === 'tag' ? { tag: text } : { query: text }
}
