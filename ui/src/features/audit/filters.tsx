import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { FilterWord } from '@/shared/ui/filter-word'
import { Input } from '@/shared/ui/input'
import { Select } from '@/shared/ui/select'

/** As they stand in the address. */
export interface AuditSearch {
  actor?: string
  action?: string
  target?: string
  address?: string
  result?: string
  from?: string
  to?: string
}

export const FILTERS = ['actor', 'action', 'target', 'address', 'result', 'from', 'to'] as const

const WORDS = [
  { name: 'actor', label: 'Who', placeholder: 'ada' },
  { name: 'action', label: 'What', placeholder: 'server.*' },
  { name: 'target', label: 'On' },
  { name: 'address', label: 'From address' },
] as const

const RESULTS: readonly [string, string][] = [
  ['', 'Any'],
  ['ok', 'Done'],
  ['denied', 'Denied'],
  ['failed', 'Failed'],
]

/** Words are taken over with Enter or when a field is left; choices at once. */
export function Filters({
  search,
  onSearch,
}: {
  search: AuditSearch
  onSearch: (change: AuditSearch) => void
}) {
  const any = FILTERS.some((name) => search[name])
  return (
    <form
      aria-label="Filter the entries"
      className="grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-[repeat(7,minmax(0,1fr))_auto]"
      onSubmit={(event) => event.preventDefault()}
    >
      {WORDS.map(({ name, ...word }) => (
        <FilterWord
          key={name}
          {...word}
          value={search[name]}
          onTake={(text) => onSearch({ [name]: text })}
        />
      ))}
      <Field label="Result">
        {(control) => (
          <Select
            {...control}
            className="h-8 text-sm"
            value={search.result ?? ''}
            onChange={(event) => onSearch({ result: event.target.value || undefined })}
          >
            {RESULTS.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {(['from', 'to'] as const).map((name) => (
        <Field key={name} label={name === 'from' ? 'From day' : 'To day'}>
          {(control) => (
            <Input
              {...control}
              type="date"
              className="h-8 px-2 text-sm"
              value={search[name] ?? ''}
              onChange={(event) => onSearch({ [name]: event.target.value || undefined })}
            />
          )}
        </Field>
      ))}
      <Button
        variant="quiet"
        className="self-end"
        disabled={!any}
        onClick={() => onSearch(Object.fromEntries(FILTERS.map((name) => [name, undefined])))}
      >
        Clear
      </Button>
    </form>
  )
}
