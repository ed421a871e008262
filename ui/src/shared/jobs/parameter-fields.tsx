import type { Script } from '../api/model'
import { Field } from '../ui/field'
import { Input } from '../ui/input'
import { Select } from '../ui/select'
import type { Values } from './values'

/** One field for each parameter of a script, by its kind. */
export function ParameterFields({
  script,
  values,
  onChange,
}: {
  script: Script
  values: Values
  onChange: (values: Values) => void
}) {
  return script.parameters.map((parameter) => {
    const set = (value: string) => onChange({ ...values, [parameter.name]: value })
    const choices = parameter.kind === 'flag' ? ['true', 'false'] : (parameter.choices ?? [])
    return (
      <Field
        key={parameter.name}
        label={parameter.name}
        hint={parameter.description}
        optional={!parameter.required}
      >
        {(control) =>
          choices.length > 0 ? (
            <Select
              {...control}
              value={values[parameter.name] ?? parameter.default ?? ''}
              onChange={(event) => set(event.target.value)}
            >
              <option value="">–</option>
              {choices.map((choice) => (
                <option key={choice}>{choice}</option>
              ))}
            </Select>
          ) : (
            <Input
              {...control}
              type={parameter.kind === 'secret' ? 'password' : 'text'}
              inputMode={parameter.kind === 'number' ? 'numeric' : undefined}
              autoComplete="off"
              placeholder={parameter.default}
              value={values[parameter.name] ?? ''}
              onChange={(event) => set(event.target.value)}
            />
          )
        }
      </Field>
    )
  })
}
