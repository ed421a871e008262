import { useId } from 'react'
import { useFleet } from '../fleet/fleet'
import { plural } from '../lib/format'
import { labelsOf } from '../servers/pick'
import { ServerPicker } from '../servers/server-picker'
import { Field } from '../ui/field'
import { Input } from '../ui/input'
import { Select } from '../ui/select'
import { idsIn } from './targets'

export interface Where {
  how: string
  /** The label, the text, or ids with spaces between them. */
  where: string
}

/** Which servers are meant: by their label, by their name, or one by one. */
export function WhereFields({
  value,
  onChange,
}: {
  value: Where
  onChange: (value: Where) => void
}) {
  const { how, where } = value
  const labels = useId()
  const { snapshot } = useFleet()
  return (
    <div className="grid items-start gap-4 sm:grid-cols-[10rem_1fr]">
      <Field label="Where">
        {(control) => (
          <Select
            {...control}
            value={how}
            // What was said means something else now: a label is no id.
            onChange={(event) => onChange({ how: event.target.value, where: '' })}
          >
            <option value="tag">With the label</option>
            <option value="query">Named like</option>
            <option value="ids">These servers</option>
          </Select>
        )}
      </Field>
      {how === 'ids' ? (
        <Field label="Servers">
          {(control) => (
            <ServerPicker
              control={control}
              chosen={idsIn(where)}
              onChange={(ids) => onChange({ how, where: ids.join(' ') })}
            />
          )}
        </Field>
      ) : (
        <Field label={how === 'tag' ? 'Label' : 'Text'}>
          {(control) => (
            <>
              <Input
                {...control}
                list={how === 'tag' ? labels : undefined}
                autoComplete="off"
                value={where}
                onChange={(event) => onChange({ how, where: event.target.value })}
              />
              <datalist id={labels}>
                {labelsOf(snapshot.rows).map(({ name, servers }) => (
                  <option key={name} value={name}>
                    {plural(servers, 'server')}
                  </option>
                ))}
              </datalist>
            </>
          )}
        </Field>
      )}
    </div>
  )
}
