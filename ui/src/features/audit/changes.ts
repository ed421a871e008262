/** Before and after of an entry, field by field; what changed comes first. Pure. */

export interface Fact {
  field: string
  before: string
  after: string
  changed: boolean
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function text(value: unknown): string {
  if (value === undefined || value === null) return '–'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

export function changesOf(before: unknown, after: unknown): Fact[] {
  const old = isRecord(before) ? before : {}
  const now = isRecord(after) ? after : {}
  const fields = [...new Set([...Object.keys(old), ...Object.keys(now)])]
  const facts = fields.map((field) => {
    const [was, is] = [text(old[field]), text(now[field])]
    return { field, before: was, after: is, changed: was !== is }
  })
  return facts.sort((a, b) => Number(b.changed) - Number(a.changed))
}
