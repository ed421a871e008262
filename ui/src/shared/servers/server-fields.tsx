import type { Server } from '../api/model'
import type { Problem } from '../api/problem'
import { Field } from '../ui/field'
import { Input } from '../ui/input'

/** Name, tags and interval of a server as they are typed. */
export interface ServerForm {
  name: string
  /** Separated by spaces or commas. */
  tags: string
  /** Seconds between readings. */
  interval: string
}

export const EMPTY_SERVER: ServerForm = { name: '', tags: '', interval: '5' }

export function serverFormOf(server: Server): ServerForm {
  return {
    name: server.name,
    tags: server.tags.join(', '),
    interval: String(server.interval_ms / 1_000),
  }
}

/** Commas separate; without any, spaces do. Doubles are dropped. */
export function tagsOf(text: string): string[] {
  const parts = text.includes(',') ? text.split(',') : text.split(/\s+/)
  return [...new Set(parts.map((part) => part.trim()).filter((part) => part !== ''))]
}

const INTERVALS = ['1', '2', '5', '10', '15', '30', '60']

export function ServerFields({
  form,
  onChange,
  problem,
  nameError,
  autoFocus = false,
}: {
  form: ServerForm
  onChange: (form: ServerForm) => void
  problem: Problem | null
  nameError?: string
  autoFocus?: boolean
}) {
  const intervals = INTERVALS.includes(form.interval) ? INTERVALS : [...INTERVALS, form.interval]
  return (
    <>
      <Field label="Name" error={nameError ?? problem?.field('name')}>
        {(control) => (
          <Input
            {...control}
            value={form.name}
            maxLength={128}
            autoComplete="off"
            spellCheck={false}
            placeholder="web-01"
            autoFocus={autoFocus}
            onChange={(event) => onChange({ ...form, name: event.target.value })}
          />
        )}
      </Field>
      <Field
        label="Tags"
        optional
        hint="Separated by commas, for example prod, frankfurt"
        error={problem?.field('tags')}
      >
        {(control) => (
          <Input
            {...control}
            value={form.tags}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => onChange({ ...form, tags: event.target.value })}
          />
        )}
      </Field>
      <Field
        label="A reading every"
        hint="Shorter shows more and costs the host more"
        error={problem?.field('interval_ms')}
      >
        {(control) => (
          <select
            {...control}
            value={form.interval}
            onChange={(event) => onChange({ ...form, interval: event.target.value })}
            className="h-9 w-full rounded-md border border-line-strong bg-surface px-2.5 text-base text-ink hover:border-ink-3 touch:min-h-11"
          >
            {intervals.map((seconds) => (
              <option key={seconds} value={seconds}>
                {seconds === '1' ? 'second' : `${seconds} seconds`}
              </option>
            ))}
          </select>
        )}
      </Field>
    </>
  )
}
