/** What is looked for. Everything is in the address; words are taken over with Enter or when left. */
import { Regex } from 'lucide-react'
import { useState } from 'react'
import { cn } from '@/shared/lib/cn'
import { Button } from '@/shared/ui/button'
import { Input } from '@/shared/ui/input'
import { Segmented } from '@/shared/ui/segmented'
import { Select } from '@/shared/ui/select'
import { isFiltered, LEVELS, type LogsSearch, listOf, RANGES, toggled } from './logs-search'

const NONE: LogsSearch = {
  q: undefined,
  regex: undefined,
  levels: undefined,
  sources: undefined,
  servers: undefined,
}

export interface Choice {
  value: string
  label: string
}

export function LogFilters({
  search,
  onSearch,
  servers,
  sources,
  problem,
}: {
  search: LogsSearch
  onSearch: (change: LogsSearch) => void
  /** Null on the page of one server. */
  servers: Choice[] | null
  sources: Choice[]
  /** What is wrong with the text. */
  problem: string | null
}) {
  const given = search.q ?? ''
  const [text, setText] = useState(given)
  const [known, setKnown] = useState(given)
  if (given !== known) {
    // Back, or a click elsewhere, changed the address.
    setKnown(given)
    setText(given)
  }
  const take = () => {
    if (text !== given) onSearch({ q: text || undefined })
  }
  const levels = listOf(search.levels)
  const custom = Boolean(search.from)
  return (
    <form
      aria-label="Filter the lines"
      className="flex flex-wrap items-center gap-2"
      onSubmit={(event) => event.preventDefault()}
    >
      <div className="flex min-w-64 flex-1 items-center gap-1">
        <Input
          type="search"
          aria-label={
            search.regex ? 'Find lines by a regular expression' : 'Find lines with a text'
          }
          aria-invalid={problem !== null}
          placeholder={search.regex ? 'status=5\\d\\d' : 'timed out'}
          spellCheck={false}
          className="h-8 min-w-0 flex-1 text-sm"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onBlur={take}
          onKeyDown={(event) => event.key === 'Enter' && take()}
        />
        <Button
          size="iconSm"
          variant={search.regex ? 'primary' : 'quiet'}
          aria-label="Regular expression"
          aria-pressed={search.regex ?? false}
          onClick={() => onSearch({ regex: search.regex ? undefined : true })}
        >
          <Regex aria-hidden="true" />
        </Button>
      </div>
      {servers ? (
        <Choose
          label="Server"
          all="All servers"
          choices={servers}
          value={search.servers}
          onChange={(value) => onSearch({ servers: value })}
        />
      ) : null}
      <Choose
        label="Source"
        all="All sources"
        choices={sources}
        value={search.sources}
        onChange={(value) => onSearch({ sources: value })}
      />
      <Segmented
        label="Time"
        value={custom ? null : (search.range ?? '1h')}
        options={RANGES.map((value) => ({ value, label: value }))}
        onChange={(value) => onSearch({ range: value, from: undefined, to: undefined })}
      />
      {custom ? (
        <Button
          size="sm"
          onClick={() => onSearch({ from: undefined, to: undefined, range: undefined })}
        >
          {span(search)} ×
        </Button>
      ) : null}
      <fieldset className="flex flex-wrap items-center gap-1">
        <legend className="sr-only">Levels</legend>
        {LEVELS.map((level) => (
          <button
            key={level}
            type="button"
            aria-pressed={levels.includes(level)}
            onClick={() => onSearch({ levels: toggled(search.levels, level) })}
            className={cn(
              'h-7 rounded-md px-2 font-medium text-xs',
              levels.includes(level)
                ? 'bg-accent-soft text-ink'
                : 'text-ink-2 hover:bg-hover hover:text-ink',
            )}
          >
            {level}
          </button>
        ))}
      </fieldset>
      <Button
        variant="quiet"
        size="sm"
        disabled={!isFiltered(search)}
        onClick={() => onSearch(NONE)}
      >
        Clear
      </Button>
      {problem ? (
        <p role="alert" className="w-full text-bad text-xs">
          {problem}
        </p>
      ) : null}
    </form>
  )
}

function span({ from, to }: LogsSearch): string {
  const words = (at: string) =>
    new Date(at).toLocaleString('en', {
      day: 'numeric',
      month: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hour12: false,
    })
  return `${words(from ?? '')} – ${to ? words(to) : 'now'}`
}

function Choose({
  label,
  all,
  choices,
  value,
  onChange,
}: {
  label: string
  all: string
  choices: Choice[]
  value: string | undefined
  onChange: (value: string | undefined) => void
}) {
  const several = value?.includes(',') ?? false
  const known = choices.some((choice) => choice.value === value)
  return (
    <Select
      aria-label={label}
      className="h-8 w-auto max-w-48 text-sm"
      value={value ?? ''}
      onChange={(event) => onChange(event.target.value || undefined)}
    >
      <option value="">{all}</option>
      {value && !known ? <option value={value}>{several ? 'Several' : value}</option> : null}
      {choices.map((choice) => (
        <option key={choice.value} value={choice.value}>
          {choice.label}
        </option>
      ))}
    </Select>
  )
}
