/** What has to be true: the line as rules are written, and fields for a single comparison. Both say the same. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Problem } from '@/shared/api/problem'
import { useRested } from '@/shared/lib/rested'
import { Field } from '@/shared/ui/field'
import { Input } from '@/shared/ui/input'
import { Select } from '@/shared/ui/select'
import { checkQuery } from './queries'
import { wrongAt } from './rule-draft'
import { DEVICE_SERIES, HOST_SERIES } from './series'
import {
  AGGREGATES,
  type Aggregate,
  COMPARISONS,
  type Comparison,
  type Simple,
  simpleOf,
  simpleProblems,
  wordingOf,
} from './simple'

const AGGREGATE_TEXT: Record<Aggregate, string> = {
  avg: 'average',
  min: 'lowest',
  max: 'highest',
  change: 'change',
  rate: 'change per second',
}

const COMPARISON_TEXT: Record<Comparison, string> = {
  '>': 'is above',
  '>=': 'is at least',
  '<': 'is below',
  '<=': 'is at most',
  '=': 'is',
  '!=': 'is not',
}

/** What is wrong with a wording; null while nothing is known to be. */
export function useWording(wording: string) {
  const rested = useRested(wording.trim())
  const query = useQuery({ ...checkQuery(rested), placeholderData: keepPreviousData })
  const known = rested === wording.trim()
  const problem = known && query.error instanceof Problem ? query.error : null
  return {
    problem: problem ? (problem.field('wording') ?? problem.message) : null,
    parsed: query.isError ? undefined : query.data,
    /** The answer is about what stands there now. */
    settled: known && query.isSuccess && !query.isPlaceholderData,
  }
}

export function ConditionFields({
  wording,
  error,
  onChange,
}: {
  wording: string
  error: string | undefined
  onChange: (wording: string) => void
}) {
  const { problem, parsed } = useWording(wording)
  // Fields that were changed last; the line is made from them as long as nobody writes there.
  const [typed, setTyped] = useState<Simple | null>(null)
  const own = typed !== null && wordingOf(typed) === wording
  const fields = own ? typed : parsed ? simpleOf(parsed) : null
  const set = (change: Partial<Simple>) => {
    if (!fields) return
    const next = { ...fields, ...change }
    setTyped(next)
    onChange(wordingOf(next))
  }
  return (
    <div className="flex flex-col gap-4">
      <Field
        label="Alert when"
        hint="Such as cpu > 90 clear 80 for 5m, or fs:*:share >= 95 or fs:*:available < 1Gi"
        error={error ?? problem ?? undefined}
      >
        {(control) => (
          <Input
            {...control}
            className="font-mono"
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            maxLength={4096}
            value={wording}
            onChange={(event) => {
              setTyped(null)
              onChange(event.target.value)
            }}
          />
        )}
      </Field>
      {problem ? <WrongAt wording={wording} message={problem} /> : null}
      {fields ? (
        <SimpleFields fields={fields} onChange={set} />
      ) : parsed ? (
        <p className="text-ink-2 text-sm">
          This is more than one comparison; only the line can say it.
        </p>
      ) : null}
    </div>
  )
}

/** The line again, with a mark where it stops making sense. */
function WrongAt({ wording, message }: { wording: string; message: string }) {
  const at = wrongAt(message)
  if (at === null) return null
  const letters = [...wording]
  return (
    <p className="-mt-2 overflow-x-auto whitespace-pre font-mono text-sm" data-wrong-at={at}>
      <span className="text-ink-2">{letters.slice(0, at).join('')}</span>
      <mark className="bg-bad-soft text-bad underline decoration-wavy">
        {letters.slice(at).join('') || ' … '}
      </mark>
    </p>
  )
}

function SimpleFields({
  fields,
  onChange,
}: {
  fields: Simple
  onChange: (change: Partial<Simple>) => void
}) {
  const problems = simpleProblems(fields)
  const text = (
    name: 'series' | 'over' | 'limit' | 'clear' | 'wait' | 'keep',
    label: string,
    hint?: string,
    list?: string,
  ) => (
    <Field
      label={label}
      hint={hint}
      error={problems[name]}
      optional={name === 'clear' || name === 'wait' || name === 'keep'}
    >
      {(control) => (
        <Input
          {...control}
          list={list}
          className="font-mono"
          autoComplete="off"
          spellCheck={false}
          value={fields[name]}
          onChange={(event) => onChange({ [name]: event.target.value })}
        />
      )}
    </Field>
  )
  return (
    <fieldset className="grid gap-4 rounded-lg border border-line p-3 sm:grid-cols-3">
      <legend className="px-1 text-ink-2 text-sm">The same as fields</legend>
      {text('series', 'Number', undefined, 'known-series')}
      <datalist id="known-series">
        {Object.entries({ ...HOST_SERIES, ...DEVICE_SERIES }).map(([name, { label }]) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </datalist>
      <Field label="As">
        {(control) => (
          <Select
            {...control}
            value={fields.aggregate}
            onChange={(event) => onChange({ aggregate: event.target.value as Aggregate | '' })}
          >
            <option value="">each reading</option>
            {AGGREGATES.map((aggregate) => (
              <option key={aggregate} value={aggregate}>
                {AGGREGATE_TEXT[aggregate]}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {fields.aggregate ? text('over', 'Over') : <div className="max-sm:hidden" />}
      <Field label="Comparison">
        {(control) => (
          <Select
            {...control}
            value={fields.comparison}
            onChange={(event) => onChange({ comparison: event.target.value as Comparison })}
          >
            {COMPARISONS.map((comparison) => (
              <option key={comparison} value={comparison}>
                {COMPARISON_TEXT[comparison]}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {text('limit', 'Limit')}
      {text('clear', 'Over at', 'So that it does not come and go')}
      {text('wait', 'For', 'Without a break, such as 5m')}
      {text('keep', 'Keep open for', 'After it was last true')}
    </fieldset>
  )
}
