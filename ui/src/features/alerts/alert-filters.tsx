import { X } from 'lucide-react'
import { SEVERITIES, SEVERITY_TEXT } from '@/shared/alerts/severity'
import { useFleetSnapshot } from '@/shared/fleet/fleet'
import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { FilterWord } from '@/shared/ui/filter-word'
import { Input } from '@/shared/ui/input'
import { Select } from '@/shared/ui/select'
import { type AlertsSearch, isFiltered, NO_FILTERS } from './alerts-search'

/** Words are taken over with Enter or when a field is left; choices at once. */
export function AlertFilters({
  search,
  onSearch,
}: {
  search: AlertsSearch
  onSearch: (change: AlertsSearch) => void
}) {
  const { byId } = useFleetSnapshot()
  const servers = [...byId.values()]
    .map(({ server }) => server)
    .sort((a, b) => a.name.localeCompare(b.name))
  const history = search.state === 'resolved'
  return (
    <search>
      <form
        aria-label="Filter the alerts"
        className="flex flex-wrap items-end gap-3 [&>*]:min-w-32 [&>*]:flex-1 sm:[&>*]:max-w-48"
        onSubmit={(event) => event.preventDefault()}
      >
        <FilterWord
          label="Text"
          placeholder="name, device, server"
          value={search.text}
          onTake={(text) => onSearch({ text })}
        />
        <Field label="Severity">
          {(control) => (
            <Select
              {...control}
              className="h-8 text-sm"
              value={search.severity ?? ''}
              onChange={(event) => onSearch({ severity: event.target.value || undefined })}
            >
              <option value="">Any</option>
              {SEVERITIES.map((severity) => (
                <option key={severity} value={severity}>
                  {SEVERITY_TEXT[severity]}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="Server">
          {(control) => (
            <Select
              {...control}
              className="h-8 text-sm"
              value={search.server ?? ''}
              onChange={(event) => onSearch({ server: event.target.value || undefined })}
            >
              <option value="">Any</option>
              {search.server && !byId.has(search.server) ? (
                <option value={search.server}>{search.server}</option>
              ) : null}
              {servers.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <FilterWord label="Tag" value={search.tag} onTake={(tag) => onSearch({ tag })} />
        {history ? (
          (['from', 'to'] as const).map((name) => (
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
          ))
        ) : (
          <Field label="Acknowledged">
            {(control) => (
              <Select
                {...control}
                className="h-8 text-sm"
                value={search.acknowledged ?? ''}
                onChange={(event) => onSearch({ acknowledged: event.target.value || undefined })}
              >
                <option value="">Yes or no</option>
                <option value="no">Nobody yet</option>
                <option value="yes">By somebody</option>
              </Select>
            )}
          </Field>
        )}
        <Button
          variant="quiet"
          className="min-w-0! flex-none!"
          disabled={!isFiltered(search)}
          onClick={() => onSearch(NO_FILTERS)}
        >
          <X aria-hidden="true" />
          Clear
        </Button>
      </form>
    </search>
  )
}
