/** Finds what was typed: all words must occur; a hit at the start of a name counts more. */
export interface Findable {
  label: string
  /** Further words it is found by. */
  words?: string
}

export function score(item: Findable, terms: readonly string[]): number {
  const label = item.label.toLowerCase()
  const all = item.words ? `${label} ${item.words.toLowerCase()}` : label
  let total = 0
  for (const term of terms) {
    if (!all.includes(term)) return 0
    total += label.startsWith(term)
      ? 4
      : new RegExp(`\\b${literal(term)}`).test(label)
        ? 3
        : label.includes(term)
          ? 2
          : 1
  }
  return total
}

const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

export function find<T extends Findable>(items: Iterable<T>, text: string, most: number): T[] {
  const terms = text.toLowerCase().split(/\s+/).filter(Boolean)
  const found: { item: T; score: number }[] = []
  for (const item of items) {
    const value = terms.length === 0 ? 1 : score(item, terms)
    if (value > 0) found.push({ item, score: value })
  }
  // Stable: equal scores keep their order.
  found.sort((a, b) => b.score - a.score)
  return found.slice(0, most).map((entry) => entry.item)
}
