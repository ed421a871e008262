/**
 * Picks servers by name, label or figure: a box to search in, what matches below it, and what was
 * chosen as chips above. The focus stays in the box; arrow keys move, Enter chooses or takes back,
 * Backspace in an empty box takes back the last one, Escape closes what is open and nothing else.
 */
import { Check, X } from 'lucide-react'
import {
  type FocusEvent,
  type KeyboardEvent,
  useDeferredValue,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
} from 'react'
import { useFleet } from '../fleet/fleet'
import { STATUS_SHORT, STATUS_TONE, statusAt } from '../fleet/status'
import type { FleetRow } from '../fleet/store'
import { cn } from '../lib/cn'
import { plural } from '../lib/format'
import { useNow } from '../lib/now'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import type { ControlProps } from '../ui/field'
import { Input } from '../ui/input'
import { ProblemPanel } from '../ui/problem-panel'
import { StatusDot } from '../ui/status-dot'
import { MOST_SHOWN, offer, toggled, withAll } from './pick'

/** More chips than this are counted instead. */
const MOST_CHIPS = 24

export function ServerPicker({
  control,
  chosen,
  onChange,
}: {
  control: ControlProps
  chosen: readonly string[]
  onChange: (ids: string[]) => void
}) {
  const listId = useId()
  const now = useNow()
  const { snapshot, query: loading } = useFleet()
  const [text, setText] = useState('')
  const [open, setOpen] = useState(false)
  const [at, setAt] = useState(0)
  const root = useRef<HTMLDivElement>(null)
  const box = useRef<HTMLInputElement>(null)
  const list = useRef<HTMLDivElement>(null)
  const asked = useDeferredValue(text)
  const { matching, problems } = useMemo(
    () => offer(snapshot.rows, asked, now),
    [snapshot.rows, asked, now],
  )
  const shown = matching.slice(0, MOST_SHOWN)
  const current = Math.min(at, Math.max(0, shown.length - 1))
  const active = open ? shown[current] : undefined
  const picked = useMemo(() => new Set(chosen), [chosen])
  const rest = matching.filter((row) => !picked.has(row.server.id))

  useEffect(() => {
    if (open) list.current?.children[current]?.scrollIntoView({ block: 'nearest' })
  }, [open, current])

  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (step !== 0) {
      event.preventDefault()
      if (!open) setOpen(true)
      else setAt((current + step + shown.length) % Math.max(1, shown.length))
    } else if (event.key === 'Enter' && open) {
      // Never sends the form around it while there is a list to choose from.
      event.preventDefault()
      if (active) onChange(toggled(chosen, active.server.id))
    } else if (event.key === 'Escape' && open) {
      // The dialog around it stays.
      event.stopPropagation()
      setOpen(false)
    } else if (event.key === 'Backspace' && text === '' && chosen.length > 0) {
      onChange(chosen.slice(0, -1))
    }
  }

  const leave = (event: FocusEvent) => {
    if (!root.current?.contains(event.relatedTarget)) setOpen(false)
  }

  return (
    <div ref={root} className="flex flex-col gap-2">
      {chosen.length > 0 ? (
        <Chosen
          ids={chosen}
          byId={snapshot.byId}
          onChange={(ids) => {
            onChange(ids)
            box.current?.focus()
          }}
        />
      ) : null}
      <div className="relative">
        <Input
          {...control}
          ref={box}
          role="combobox"
          aria-expanded={open}
          aria-controls={listId}
          aria-activedescendant={active ? `${listId}-${current}` : undefined}
          aria-autocomplete="list"
          autoComplete="off"
          spellCheck={false}
          placeholder="Name, tag:prod, status:online, cpu>80"
          value={text}
          onClick={() => setOpen(true)}
          onChange={(event) => {
            setText(event.target.value)
            setAt(0)
            setOpen(true)
          }}
          onKeyDown={onKeyDown}
          onBlur={leave}
        />
        <p role="status" className="mt-1.5 text-ink-2 text-xs">
          {problems[0] ??
            `${matching.length} of ${plural(snapshot.rows.length, 'server matches', 'servers match')}`}
          {matching.length > shown.length ? `, the first ${shown.length} are listed` : ''}
        </p>
        {/* Over what is below, so that nothing moves away from under the pointer when it closes. */}
        <div
          hidden={!open}
          className="absolute inset-x-0 top-full z-10 mt-1 overflow-hidden rounded-lg border border-line bg-surface shadow-float"
        >
          <div
            ref={list}
            id={listId}
            role="listbox"
            aria-label="Servers to choose from"
            aria-multiselectable="true"
            className="max-h-52 overflow-y-auto p-1 empty:hidden"
          >
            {open
              ? shown.map((row, index) => (
                  <Option
                    key={row.server.id}
                    id={`${listId}-${index}`}
                    row={row}
                    now={now}
                    active={index === current}
                    chosen={picked.has(row.server.id)}
                    onPoint={() => index === current || setAt(index)}
                    onChoose={() => onChange(toggled(chosen, row.server.id))}
                  />
                ))
              : null}
          </div>
          {rest.length > 0 && text !== '' ? (
            <div className="border-line border-t p-1.5">
              <Button
                size="sm"
                onBlur={leave}
                onClick={() => {
                  onChange(withAll(chosen, rest))
                  box.current?.focus()
                }}
              >
                {rest.length === 1
                  ? 'Add the one that matches'
                  : `Add all ${rest.length} that match`}
              </Button>
            </div>
          ) : null}
          {matching.length === 0 ? (
            <p className="px-3 py-4 text-center text-ink-2 text-sm">No server matches.</p>
          ) : null}
        </div>
      </div>
      {loading.isError && !snapshot.loaded ? (
        <ProblemPanel
          what="The servers could not be loaded"
          error={loading.error}
          onRetry={() => void loading.refetch()}
        />
      ) : null}
    </div>
  )
}

function Option({
  id,
  row,
  now,
  active,
  chosen,
  onPoint,
  onChoose,
}: {
  id: string
  row: FleetRow
  now: number
  active: boolean
  chosen: boolean
  onPoint: () => void
  onChoose: () => void
}) {
  const status = statusAt(row, now)
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the combobox above has the keyboard
    // biome-ignore lint/a11y/useFocusableInteractive: aria-activedescendant names it
    <div
      id={id}
      role="option"
      aria-selected={chosen}
      onPointerMove={onPoint}
      // The focus stays in the box.
      onPointerDown={(event) => event.preventDefault()}
      onClick={onChoose}
      className={cn(
        'flex min-h-8 cursor-pointer items-center gap-2 rounded-md px-2 text-sm touch:min-h-11',
        active && 'bg-hover',
      )}
    >
      <span className="grid w-4 shrink-0 place-items-center">
        {chosen ? <Check className="size-4 text-accent" aria-hidden="true" /> : null}
      </span>
      <StatusDot tone={STATUS_TONE[status]} />
      <span className="min-w-0 flex-1 truncate">{row.server.name}</span>
      {row.server.tags.slice(0, 2).map((tag) => (
        <Badge key={tag} className="max-w-24 max-sm:hidden">
          {tag}
        </Badge>
      ))}
      <span className="text-ink-2 text-xs">{STATUS_SHORT[status]}</span>
    </div>
  )
}

function Chosen({
  ids,
  byId,
  onChange,
}: {
  ids: readonly string[]
  byId: ReadonlyMap<string, FleetRow>
  onChange: (ids: string[]) => void
}) {
  const more = ids.length - MOST_CHIPS
  return (
    <div className="flex flex-wrap items-center gap-1.5">
      <ul aria-label="Chosen servers" className="contents">
        {ids.slice(0, MOST_CHIPS).map((id) => {
          const name = byId.get(id)?.server.name ?? id
          return (
            <li
              key={id}
              className="inline-flex h-7 max-w-full items-center gap-1 rounded-md border border-line bg-sunken pl-2 text-sm touch:h-11"
            >
              <span className="truncate">{name}</span>
              <button
                type="button"
                aria-label={`Take ${name} out`}
                className="grid size-6 shrink-0 place-items-center rounded text-ink-2 hover:bg-hover hover:text-ink touch:size-11"
                onClick={() => onChange(ids.filter((one) => one !== id))}
              >
                <X className="size-3.5" aria-hidden="true" />
              </button>
            </li>
          )
        })}
      </ul>
      {more > 0 ? <span className="text-ink-2 text-sm">and {more} more</span> : null}
      {ids.length > 1 ? (
        <Button size="sm" variant="quiet" onClick={() => onChange([])}>
          Take all out
        </Button>
      ) : null}
    </div>
  )
}
