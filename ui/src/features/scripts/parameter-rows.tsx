import { Plus, Trash2 } from 'lucide-react'
import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { Input } from '@/shared/ui/input'
import { Select } from '@/shared/ui/select'
import { Switch } from '@/shared/ui/switch'
import { TextArea } from '@/shared/ui/text-area'
import { newParameter, type ParameterDraft, type Problems } from './draft'

/** As many as the API takes. */
const MOST = 32

const KINDS: readonly [ParameterDraft['kind'], string][] = [
  ['text', 'Text of one line'],
  ['number', 'Whole number'],
  ['flag', 'Yes or no'],
  ['choice', 'One of several'],
  ['secret', 'Secret'],
]

/** What is filled in at each run. */
export function ParameterRows({
  parameters,
  problems,
  onChange,
}: {
  parameters: ParameterDraft[]
  problems: Problems
  onChange: (parameters: ParameterDraft[]) => void
}) {
  return (
    <div className="flex flex-col gap-3">
      {parameters.map((parameter) => (
        <Row
          key={parameter.key}
          parameter={parameter}
          problems={problems}
          onChange={(change) =>
            onChange(
              parameters.map((one) => (one.key === parameter.key ? { ...one, ...change } : one)),
            )
          }
          onRemove={() => onChange(parameters.filter((one) => one.key !== parameter.key))}
        />
      ))}
      {parameters.length < MOST ? (
        <div>
          <Button onClick={() => onChange([...parameters, newParameter(parameters)])}>
            <Plus aria-hidden="true" />
            Add a parameter
          </Button>
        </div>
      ) : null}
    </div>
  )
}

function Row({
  parameter,
  problems,
  onChange,
  onRemove,
}: {
  parameter: ParameterDraft
  problems: Problems
  onChange: (change: Partial<ParameterDraft>) => void
  onRemove: () => void
}) {
  const { key, name, kind } = parameter
  return (
    <fieldset className="card p-3">
      <legend className="sr-only">Parameter {name}</legend>
      <div className="grid gap-3 sm:grid-cols-2">
        <Field
          label="Variable"
          hint={name ? `Write "$${name}" in the script` : 'As the script reads it'}
          error={problems[`name-${key}`]}
        >
          {(control) => (
            <Input
              {...control}
              className="font-mono"
              autoComplete="off"
              spellCheck={false}
              maxLength={64}
              placeholder="RELEASE"
              value={name}
              onChange={(event) => onChange({ name: event.target.value })}
            />
          )}
        </Field>
        <Field
          label="Kind"
          hint={kind === 'secret' ? 'Shown to nobody, kept in no log' : undefined}
        >
          {(control) => (
            <Select
              {...control}
              value={kind}
              onChange={(event) =>
                onChange({ kind: event.target.value as ParameterDraft['kind'], usual: '' })
              }
            >
              {KINDS.map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        {kind === 'choice' ? (
          <Field label="Choices" hint="One a line" error={problems[`choices-${key}`]}>
            {(control) => (
              <TextArea
                {...control}
                rows={3}
                value={parameter.choices}
                onChange={(event) => onChange({ choices: event.target.value })}
              />
            )}
          </Field>
        ) : null}
        {kind === 'secret' ? null : (
          <Field label="Usually" optional error={problems[`usual-${key}`]}>
            {(control) =>
              kind === 'flag' ? (
                <Select
                  {...control}
                  value={parameter.usual}
                  onChange={(event) => onChange({ usual: event.target.value })}
                >
                  <option value="">–</option>
                  <option>true</option>
                  <option>false</option>
                </Select>
              ) : (
                <Input
                  {...control}
                  autoComplete="off"
                  value={parameter.usual}
                  onChange={(event) => onChange({ usual: event.target.value })}
                />
              )
            }
          </Field>
        )}
        <Field label="For" optional>
          {(control) => (
            <Input
              {...control}
              maxLength={256}
              value={parameter.description}
              onChange={(event) => onChange({ description: event.target.value })}
            />
          )}
        </Field>
      </div>
      <div className="mt-3 flex flex-wrap items-center justify-between gap-3">
        <Switch
          label="Must be filled in"
          checked={parameter.required}
          onChange={(required) => onChange({ required })}
        />
        <Button size="sm" variant="quiet" onClick={onRemove}>
          <Trash2 aria-hidden="true" />
          Remove {name || 'it'}
        </Button>
      </div>
    </fieldset>
  )
}
