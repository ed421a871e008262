/** Everything that was run, on all servers one may look into. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { SquareTerminal } from 'lucide-react'
import type { ReactNode } from 'react'
import { fleetQuery, useFleetSnapshot } from '@/shared/fleet/fleet'
import { grantCommand } from '@/shared/servers/allowed'
import { Button } from '@/shared/ui/button'
import { Empty } from '@/shared/ui/empty'
import { Field } from '@/shared/ui/field'
import { FilterWord } from '@/shared/ui/filter-word'
import { Input } from '@/shared/ui/input'
import { Select } from '@/shared/ui/select'
import { type CommandsSearch, commandsQuery } from './command-query'
import { OUTCOME_TEXT, OUTCOMES } from './condition'
import { HistoryList } from './history-list'

const FILTERS = ['q', 'server', 'who', 'state', 'from', 'to'] as const
const NONE: CommandsSearch = Object.fromEntries(FILTERS.map((name) => [name, undefined]))

export function HistoryPage({
  search,
  onSearch,
  serversLink,
}: {
  search: CommandsSearch
  onSearch: (change: CommandsSearch) => void
  /** Where one begins who has run nothing yet. */
  serversLink: ReactNode
}) {
  const query = useInfiniteQuery(commandsQuery(search))
  useQuery(fleetQuery)
  const { rows: servers } = useFleetSnapshot()
  const filtered = FILTERS.some((name) => search[name])
  return (
    <div className="mx-auto max-w-[90rem] px-4 py-6 sm:px-6">
      <h1 className="font-semibold text-xl tracking-tight">Commands</h1>
      <p className="mt-1 mb-4 text-ink-2">
        Everything that was run on your servers, with what it wrote and how it ended. To run one,
        open a server.
      </p>
      <form
        aria-label="Filter the commands"
        className="mb-4 grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-[minmax(0,2fr)_repeat(5,minmax(0,1fr))_auto]"
        onSubmit={(event) => event.preventDefault()}
      >
        <FilterWord
          label="Text"
          placeholder="systemctl restart"
          className="max-sm:col-span-2"
          value={search.q}
          onTake={(q) => onSearch({ q })}
        />
        <Field label="Server">
          {(control) => (
            <Select
              {...control}
              className="h-8 text-sm"
              value={search.server ?? ''}
              onChange={(event) => onSearch({ server: event.target.value || undefined })}
            >
              <option value="">All</option>
              {[...servers]
                .sort((a, b) => a.server.name.localeCompare(b.server.name))
                .map(({ server }) => (
                  <option key={server.id} value={server.id}>
                    {server.name}
                  </option>
                ))}
            </Select>
          )}
        </Field>
        <FilterWord
          label="Who"
          placeholder="ada"
          value={search.who}
          onTake={(who) => onSearch({ who })}
        />
        <Field label="State">
          {(control) => (
            <Select
              {...control}
              className="h-8 text-sm"
              value={search.state ?? ''}
              onChange={(event) => onSearch({ state: event.target.value || undefined })}
            >
              <option value="">Any</option>
              <option value="open">Not over</option>
              {OUTCOMES.map((outcome) => (
                <option key={outcome} value={outcome}>
                  {OUTCOME_TEXT[outcome]}
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
          disabled={!filtered}
          onClick={() => onSearch(NONE)}
        >
          Clear
        </Button>
      </form>
      <HistoryList
        query={query}
        empty={
          filtered ? (
            <Empty
              className="card max-w-none"
              icon={<SquareTerminal aria-hidden="true" />}
              title="No command fits"
              action={<Button onClick={() => onSearch(NONE)}>Clear the filters</Button>}
            >
              Take a filter away, or look at other days.
            </Empty>
          ) : (
            <Empty
              className="card max-w-none"
              icon={<SquareTerminal aria-hidden="true" />}
              title="Nothing was run yet"
              action={serversLink}
            >
              Open a server and its page Commands. Its host has to allow that:{' '}
              <code className="font-mono text-xs">{grantCommand('exec')}</code>, typed there, does
              so for half an hour.
            </Empty>
          )
        }
      />
    </div>
  )
}
