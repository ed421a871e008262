import { Field } from '../ui/field'
import { Input } from '../ui/input'
import { Select } from '../ui/select'

export interface Where {
  how: string
  where: string
}

/** Which servers are meant. */
export function WhereFields({
  value,
  onChange,
}: {
  value: Where
  onChange: (value: Where) => void
}) {
  const { how, where } = value
  return (
    <div className="grid gap-4 sm:grid-cols-[10rem_1fr]">
      <Field label="Where">
        {(control) => (
          <Select
            {...control}
            value={how}
            onChange={(event) => onChange({ how: event.target.value, where })}
          >
            <option value="tag">With the label</option>
            <option value="query">Named like</option>
            <option value="ids">These servers</option>
          </Select>
        )}
      </Field>
      <Field
        label={how === 'tag' ? 'Label' : how === 'query' ? 'Text' : 'Server ids'}
        hint={how === 'ids' ? 'Separated by spaces' : undefined}
      >
        {(control) => (
          <Input
            {...control}
            autoComplete="off"
            value={where}
            onChange={(event) => onChange({ how, where: event.target.value })}
          />
        )}
      </Field>
    </div>
  )
}
