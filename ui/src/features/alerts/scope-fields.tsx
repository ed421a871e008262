/** On which servers: all, some by name, or those with a tag. */
import { X } from 'lucide-react'
import { useId, useState } from 'react'
import { useFleetSnapshot } from '@/shared/fleet/fleet'
import { plural } from '@/shared/lib/format'
import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { Input } from '@/shared/ui/input'
import { Select } from '@/shared/ui/select'
import type { ScopeDraft } from './silence-draft'

const EMPTY: Record<ScopeDraft['how'], ScopeDraft> = {
  all: { how: 'all' },
  servers: { how: 'servers', servers: [] },
  tags: { how: 'tags', tags: [] },
}

export function ScopeFields({
  value,
  error,
  allText,
  onChange,
}: {
  value: ScopeDraft
  error: string | undefined
  /** What "all" means here. */
  allText: string
  onChange: (value: ScopeDraft) => void
}) {
  const { rows, byId } = useFleetSnapshot()
  const tags = [...new Set(rows.flatMap(({ server }) => server.tags))].sort()
  const inScope = rows.filter(({ server }) => isIn(value, server)).length
  return (
    <div className="flex flex-col gap-3">
      <div className="grid items-start gap-4 sm:grid-cols-[12rem_1fr]">
        <Field label="Servers" error={value.how === 'all' ? error : undefined}>
          {(control) => (
            <Select
              {...control}
              value={value.how}
              onChange={(event) => onChange(EMPTY[event.target.value as ScopeDraft['how']])}
            >
              <option value="all">All</option>
              <option value="servers">These</option>
              <option value="tags">With a tag</option>
            </Select>
          )}
        </Field>
        {value.how === 'all' ? (
          <p className="text-ink-2 text-sm sm:mt-8.5">{allText}</p>
        ) : value.how === 'servers' ? (
          <Words
            label="Add a server"
            error={error}
            known={rows.map(({ server }) => server.name).sort()}
            take={(text) => {
              const found = rows.find(
                ({ server }) => server.name.toLowerCase() === text.toLowerCase(),
              )?.server
              if (!found) return 'There is no server with this name'
              if (!value.servers.includes(found.id)) {
                onChange({ how: 'servers', servers: [...value.servers, found.id] })
              }
              return null
            }}
          />
        ) : (
          <Words
            label="Add a tag"
            error={error}
            known={tags}
            take={(text) => {
              // A tag that no server has yet is fine: servers that join later are meant, too.
              if (!value.tags.includes(text)) {
                onChange({ how: 'tags', tags: [...value.tags, text] })
              }
              return null
            }}
          />
        )}
      </div>
      {value.how === 'all' ? null : (
        <ul aria-label="Chosen" className="flex flex-wrap gap-1.5">
          {(value.how === 'servers' ? value.servers : value.tags).map((one) => {
            const name = value.how === 'servers' ? (byId.get(one)?.server.name ?? one) : one
            return (
              <li
                key={one}
                className="flex h-7 min-w-0 max-w-full items-center gap-1 rounded-md border border-line bg-sunken pl-2 text-sm"
              >
                <span className="truncate">{name}</span>
                <Button
                  variant="quiet"
                  size="iconSm"
                  aria-label={`Take ${name} out`}
                  onClick={() => onChange(without(value, one))}
                >
                  <X aria-hidden="true" />
                </Button>
              </li>
            )
          })}
        </ul>
      )}
      <p role="status" className="text-ink-3 text-xs">
        {plural(inScope, 'server')} of those you see now
      </p>
    </div>
  )
}

export function isIn(scope: ScopeDraft, server: { id: string; tags: readonly string[] }): boolean {
  if (scope.how === 'all') return true
  if (scope.how === 'servers') return scope.servers.includes(server.id)
  return scope.tags.some((tag) => server.tags.includes(tag))
}

function without(scope: ScopeDraft, one: string): ScopeDraft {
  if (scope.how === 'servers') {
    return { how: 'servers', servers: scope.servers.filter((id) => id !== one) }
  }
  if (scope.how === 'tags') return { how: 'tags', tags: scope.tags.filter((tag) => tag !== one) }
  return scope
}

/** A field whose word is taken with Enter, with the button, or by choosing a known one. */
function Words({
  label,
  error,
  known,
  take,
}: {
  label: string
  error: string | undefined
  known: readonly string[]
  /** Says what is wrong with it, if anything. */
  take: (text: string) => string | null
}) {
  const list = useId()
  const [text, setText] = useState('')
  const [wrong, setWrong] = useState<string | null>(null)
  const add = (word: string) => {
    if (word.trim() === '') return
    const problem = take(word.trim())
    setWrong(problem)
    if (problem === null) setText('')
  }
  return (
    <div className="flex items-start gap-2">
      <Field label={label} className="min-w-0 flex-1" error={wrong ?? error}>
        {(control) => (
          <>
            <Input
              {...control}
              list={list}
              autoComplete="off"
              spellCheck={false}
              value={text}
              onChange={(event) => {
                setText(event.target.value)
                setWrong(null)
                // A choice from the list comes as a whole, letters come one by one.
                if (!('inputType' in event.nativeEvent)) add(event.target.value)
              }}
              onKeyDown={(event) => {
                if (event.key !== 'Enter') return
                event.preventDefault()
                add(text)
              }}
            />
            <datalist id={list}>
              {known.map((name) => (
                <option key={name} value={name} />
              ))}
            </datalist>
          </>
        )}
      </Field>
      <Button className="mt-6.5 h-9" onClick={() => add(text)}>
        Add
      </Button>
    </div>
  )
}
