import { CircleAlert } from 'lucide-react'
import { Problem } from '../api/problem'
import { duration } from '../lib/format'

/** Why the whole form was refused. `named`: with the fields that the API named, for forms that show them nowhere else. */
export function FormProblem({ error, named = false }: { error: unknown; named?: boolean }) {
  if (!error) return null
  const fields = named && error instanceof Problem ? error.fields : []
  return (
    <div role="alert" className="flex gap-2.5 rounded-md bg-bad-soft px-3 py-2.5 text-bad">
      <CircleAlert className="mt-0.5 size-4 shrink-0" aria-hidden="true" />
      <div>
        <p>{sentence(error)}</p>
        {fields.map(({ field, message }) => (
          <p key={field} className="text-xs">
            {field}: {message}
          </p>
        ))}
      </div>
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
