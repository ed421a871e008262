import { BellRing, ChevronDown, Search, X } from 'lucide-react'
import { type RefObject, useState } from 'react'
import { STATUS_SHORT, STATUS_TONE, type Status } from '@/shared/fleet/status'
import { cn } from '@/shared/lib/cn'
import { useHotkeys } from '@/shared/lib/hotkeys'
import { Button } from '@/shared/ui/button'
import { Input } from '@/shared/ui/input'
import { Kbd } from '@/shared/ui/kbd'
import { Popover } from '@/shared/ui/popover'
import { StatusDot } from '@/shared/ui/status-dot'
import type { FacetField } from './view'

/** The box with the filter text. `/` jumps into it, Escape empties it. */
export function QueryInput({
  value,
  problems,
  onChange,
  inputRef,
}: {
  value: string
  problems: readonly string[]
  onChange: (text: string) => void
  inputRef: RefObject<HTMLInputElement | null>
}) {
  useHotkeys({ '/': () => inputRef.current?.focus() })
  return (
    <div className="relative min-w-0 flex-1 basis-72">
      <Search
        className="pointer-events-none absolute top-1/2 left-2.5 size-4 -translate-y-1/2 text-ink-3"
        aria-hidden="true"
      />
      <Input
        ref={inputRef}
        type="search"
        aria-label="Filter servers"
        aria-describedby="filter-help"
        aria-invalid={problems.length > 0 || undefined}
        placeholder="Name, tag:prod, status:offline, cpu>80"
        autoComplete="off"
        spellCheck={false}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && value !== '') {
            event.preventDefault()
            onChange('')
          }
        }}
        className="h-8 pr-16 pl-8 text-sm [&::-webkit-search-cancel-button]:hidden"
      />
      <span className="absolute inset-y-0 right-1.5 flex items-center">
        {value === '' ? (
          <span className="max-sm:hidden">
            <Kbd>/</Kbd>
          </span>
        ) : (
          <button
            type="button"
            aria-label="Clear the filter"
            className="grid size-6 place-items-center rounded text-ink-3 hover:bg-hover hover:text-ink"
            onClick={() => {
              onChange('')
              inputRef.current?.focus()
            }}
          >
            <X className="size-4" aria-hidden="true" />
          </button>
        )}
      </span>
      <p id="filter-help" className="sr-only">
        Words match name, host name or tag. Fields: name, host, tag, status, os, arch, version.
        Figures: cpu, mem, swap, disk, load, rx, tx, temp, procs, alerts, critical. A leading minus
        turns a term round.
      </p>
    </div>
  )
}

const STRIP: readonly Status[] = ['online', 'stale', 'offline', 'never']

const CHIP =
  'flex h-8 items-center gap-2 rounded-md border border-line bg-surface px-2.5 text-xs hover:border-line-strong aria-pressed:border-accent aria-pressed:bg-accent-soft touch:h-11'

/** How many servers are how; each number is a filter. */
export function StatusStrip({
  counts,
  chosen,
  onChoose,
  alerting,
  onlyAlerting,
  onAlerting,
}: {
  counts: Record<Status, number>
  chosen: readonly string[]
  onChoose: (status: Status | null) => void
  /** How many have open alerts. */
  alerting: number
  onlyAlerting: boolean
  onAlerting: (only: boolean) => void
}) {
  return (
    <fieldset className="flex flex-wrap gap-1.5">
      <legend className="sr-only">Filter by status</legend>
      {STRIP.map((status) => {
        const pressed = chosen.includes(status)
        if (counts[status] === 0 && !pressed && status !== 'online') return null
        return (
          <button
            key={status}
            type="button"
            aria-pressed={pressed}
            onClick={() => onChoose(pressed ? null : status)}
            className={CHIP}
          >
            <StatusDot tone={STATUS_TONE[status]} />
            <span className="tnum font-semibold text-sm">
              {counts[status].toLocaleString('en')}
            </span>
            <span className={cn('text-ink-2', status === 'never' && 'max-sm:sr-only')}>
              {STATUS_SHORT[status]}
            </span>
          </button>
        )
      })}
      {alerting > 0 || onlyAlerting ? (
        <button
          type="button"
          aria-pressed={onlyAlerting}
          onClick={() => onAlerting(!onlyAlerting)}
          className={CHIP}
        >
          <BellRing className="size-3.5 text-warn" aria-hidden="true" />
          <span className="tnum font-semibold text-sm">{alerting.toLocaleString('en')}</span>
          <span className="text-ink-2">Alerting</span>
        </button>
      ) : null}
    </fieldset>
  )
}

/** The values of one field with their counts; ticking them edits the filter text. */
export function Facet({
  label,
  field,
  counts,
  chosen,
  onChange,
}: {
  label: string
  field: FacetField
  /** Asked only while open: counting 10,000 rows for a closed list would be waste. */
  counts: (field: FacetField) => [string, number][]
  chosen: readonly string[]
  onChange: (field: FacetField, values: string[]) => void
}) {
  const [open, setOpen] = useState(false)
  const [find, setFind] = useState('')
  const values = open ? counts(field) : []
  const shown = values.filter(([value]) => value.toLowerCase().includes(find.toLowerCase()))
  const isChosen = (value: string) => chosen.includes(value.toLowerCase())
  return (
    <Popover
      open={open}
      onOpenChange={(next) => {
        setOpen(next)
        setFind('')
      }}
      title={`Filter by ${label.toLowerCase()}`}
      align="start"
      className="w-64 p-2"
      trigger={
        <Button aria-pressed={chosen.length > 0}>
          {label}
          {chosen.length > 0 ? <span className="tnum text-accent">{chosen.length}</span> : null}
          <ChevronDown aria-hidden="true" className="text-ink-3" />
        </Button>
      }
    >
      {values.length > 8 ? (
        <Input
          className="mb-2 h-8 text-sm"
          aria-label={`Find in ${label.toLowerCase()}`}
          placeholder="Find"
          value={find}
          onChange={(event) => setFind(event.target.value)}
        />
      ) : null}
      {shown.length === 0 ? (
        <p className="px-2 py-1.5 text-ink-3 text-xs">
          {values.length === 0 ? 'No server here has one.' : 'Nothing found.'}
        </p>
      ) : (
        <ul>
          {shown.slice(0, 100).map(([value, count]) => (
            <li key={value}>
              <label className="flex min-h-8 cursor-pointer items-center gap-2.5 rounded-md px-2 hover:bg-hover touch:min-h-11">
                <input
                  type="checkbox"
                  className="size-4 accent-(--accent)"
                  checked={isChosen(value)}
                  onChange={(event) => {
                    const lower = value.toLowerCase()
                    const others = chosen.filter((entry) => entry !== lower)
                    onChange(field, event.target.checked ? [...others, lower] : others)
                  }}
                />
                <span className="min-w-0 flex-1 truncate">{value}</span>
                <span className="tnum text-ink-3 text-xs">{count.toLocaleString('en')}</span>
              </label>
            </li>
          ))}
        </ul>
      )}
    </Popover>
  )
}
