/** Finding lines by text or regular expression. */
import { plain } from './ansi'
import type { LogLine } from './line'

export interface Query {
  text: string
  regex: boolean
  /** Lines that do not match instead. */
  invert: boolean
}

export interface Matcher {
  /** What is wrong with the expression; nothing matches then. */
  problem: string | null
  matches(line: LogLine): boolean
  /** Where it stands in a text; empty when inverted. */
  ranges(text: string): [number, number][]
}

/** Marks in one line beyond which the rest stays unmarked. */
const MOST_RANGES = 50

/** Null: nothing is looked for. Case matters only if the text has capitals. */
export function matcher({ text, regex, invert }: Query): Matcher | null {
  if (text === '') return null
  const flags = /\p{Lu}/u.test(text) ? 'gu' : 'giu'
  let expression: RegExp
  try {
    expression = new RegExp(regex ? text : text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'), flags)
  } catch (error) {
    const problem = error instanceof Error ? error.message : 'not a regular expression'
    return { problem, matches: () => false, ranges: () => [] }
  }
  const found = (value: string) => {
    expression.lastIndex = 0
    return expression.test(value)
  }
  return {
    problem: null,
    matches: (line) => line.skipped === undefined && found(plain(line.text)) !== invert,
    ranges: (value) => {
      if (invert) return []
      const ranges: [number, number][] = []
      for (const match of value.matchAll(expression)) {
        if (match[0] === '') continue
        ranges.push([match.index, match.index + match[0].length])
        if (ranges.length === MOST_RANGES) break
      }
      return ranges
    },
  }
}
