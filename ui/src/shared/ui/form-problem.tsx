import { CircleAlert } from 'lucide-react'
import { Problem } from '../api/problem'
import { duration } from '../lib/format'

/** Why the whole form was refused, above its fields. */
export function FormProblem({ error }: { error: unknown }) {
  if (!error) return null
  return (
    <div role="alert" className="flex gap-2.5 rounded-md bg-bad-soft px-3 py-2.5 text-bad">
      <CircleAlert className="mt-0.5 size-4 shrink-0" aria-hidden="true" />
      <p>{sentence(error)}</p>
    </div>
  )
}

function sentence(error: unknown): string {
  if (error instanceof Problem) {
    if (error.status === 429 && error.retryAfter !== null) {
      return `Too many attempts. Try again in ${duration(error.retryAfter)}.`
    }
    return error.message
  }
  return error instanceof Error ? error.message : String(error)
}
