/** Arrow up and down in the run box, as shells have it: through what was run, back to what was typed. Pure. */

export interface Past {
  /** The newest first; no two neighbours are equal. */
  lines: readonly string[]
  /** Which of them is shown; -1: what the person is typing. */
  at: number
  /** What was typed before going back. */
  draft: string
}

export const pastOf = (lines: readonly string[]): Past => ({
  lines: lines.filter((line, index) => line !== '' && line !== lines[index - 1]),
  at: -1,
  draft: '',
})

/** One step: 1 is older. Null: there is nothing there, so the key is the text's own. */
export function walk(past: Past, way: 1 | -1, typed: string): { past: Past; text: string } | null {
  const at = past.at + way
  if (at < -1 || at >= past.lines.length) return null
  const draft = past.at === -1 ? typed : past.draft
  return { past: { ...past, at, draft }, text: at === -1 ? draft : (past.lines[at] ?? '') }
}
