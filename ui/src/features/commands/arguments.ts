/** What a person types for a program and its arguments, as the list that is run. Pure. */

export interface Arguments {
  list: string[]
  /** What cannot be understood. */
  problem: string | null
}

/**
 * Words between spaces; quotes keep spaces together, a backslash takes the next character as it is.
 * Nothing is expanded: no variables, no patterns, no pipes. That is the point of it.
 */
export function splitArguments(text: string): Arguments {
  const list: string[] = []
  let word: string | null = null
  let quote: '"' | "'" | null = null
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at] ?? ''
    if (quote === "'") {
      if (sign === "'") quote = null
      else word += sign
    } else if (sign === '\\') {
      const next = text[at + 1]
      if (next === undefined) return { list, problem: 'It ends with a backslash' }
      // Inside double quotes a backslash stands for itself, except before these two.
      word = `${word ?? ''}${quote === '"' && next !== '"' && next !== '\\' ? `\\${next}` : next}`
      at += 1
    } else if (quote === '"') {
      if (sign === '"') quote = null
      else word += sign
    } else if (sign === '"' || sign === "'") {
      quote = sign
      word ??= ''
    } else if (/\s/.test(sign)) {
      if (word !== null) list.push(word)
      word = null
    } else {
      word = `${word ?? ''}${sign}`
    }
  }
  if (quote) return { list, problem: `A ${quote} is not closed` }
  if (word !== null) list.push(word)
  return { list, problem: null }
}

const PLAIN = /^[\w@%+=:,./-]+$/

/** The way back: a text that splits into exactly this list. */
export function joinArguments(list: readonly string[]): string {
  return list
    .map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ')
}
