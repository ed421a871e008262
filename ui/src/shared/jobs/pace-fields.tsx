import { Field } from '../ui/field'
import { Input } from '../ui/input'

/** How carefully it goes from server to server, as it is typed. */
export interface PaceForm {
  concurrency: string
  canary: string
  stopAfter: string
}

export const CAREFUL: PaceForm = { concurrency: '10', canary: '0', stopAfter: '0' }

export const paceOf = (form: PaceForm) => ({
  concurrency: Number(form.concurrency),
  canary: Number(form.canary),
  stop_after: Number(form.stopAfter),
})

export function PaceFields({
  value,
  onChange,
}: {
  value: PaceForm
  onChange: (value: PaceForm) => void
}) {
  const field = (label: string, name: keyof PaceForm, min: number, hint?: string) => (
    <Field label={label} hint={hint}>
      {(control) => (
        <Input
          {...control}
          type="number"
          min={min}
          value={value[name]}
          onChange={(event) => onChange({ ...value, [name]: event.target.value })}
        />
      )}
    </Field>
  )
  return (
    <div className="grid gap-4 sm:grid-cols-3">
      {field('At the same time', 'concurrency', 1)}
      {field('First alone', 'canary', 0, 'The others follow if these succeed')}
      {field('Stop after failures', 'stopAfter', 0, '0: never')}
    </div>
  )
}
