import { Check, ChevronDown, Clock, Copy } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { copyText } from '@/shared/lib/clipboard'
import { cn } from '@/shared/lib/cn'
import { serverNow } from '@/shared/lib/now'
import { dateTime, zone } from '@/shared/lib/time'
import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { Input } from '@/shared/ui/input'
import { Popover } from '@/shared/ui/popover'
import { toast } from '@/shared/ui/toast'
import {
  durationText,
  PRESETS,
  parseDuration,
  parseRange,
  rangeCopy,
  rangeLabel,
  type TimeRange,
  windowOf,
} from './time-range'

export async function copyRange(range: TimeRange): Promise<void> {
  const text = rangeCopy(range)
  if (await copyText(text)) toast({ tone: 'ok', title: 'Time range copied', detail: text })
}

/** Takes a range from the clipboard; says so when there is none in it. */
export async function pastedRange(): Promise<TimeRange | null> {
  let text = ''
  try {
    text = await navigator.clipboard.readText()
  } catch {
    toast({ tone: 'bad', title: 'The browser does not let this page read the clipboard' })
    return null
  }
  const range = parseRange(text, serverNow())
  if (!range) {
    toast({ tone: 'bad', title: 'No time range in the clipboard', detail: text.slice(0, 80) })
  }
  return range
}

export function RangePicker({
  range,
  onChange,
}: {
  range: TimeRange
  onChange: (range: TimeRange) => void
}) {
  const [open, setOpen] = useState(false)
  const [text, setText] = useState('')
  const [error, setError] = useState<string>()
  const current = range.kind === 'relative' ? durationText(range.ms) : null

  const choose = (next: TimeRange) => {
    setOpen(false)
    onChange(next)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const parsed = parseRange(text, serverNow())
    if (parsed) choose(parsed)
    else setError('Not understood. Try 3h, yesterday or 2026-11-22 10:00 to 11:30.')
  }
  const change = (next: boolean) => {
    setOpen(next)
    if (!next) return
    setError(undefined)
    const { from, to } = windowOf(range, serverNow())
    setText(current ?? `${dateTime(from)} to ${dateTime(to)}`)
  }

  return (
    <Popover
      open={open}
      onOpenChange={change}
      title="Time range"
      align="start"
      className="w-80"
      trigger={
        <Button
          aria-label={`Time range: ${rangeLabel(range)}`}
          className="min-w-44 justify-start max-sm:min-w-0"
        >
          <Clock aria-hidden="true" className="text-ink-3" />
          <span className="tnum flex-1 truncate text-left">{rangeLabel(range)}</span>
          <ChevronDown aria-hidden="true" className="text-ink-3" />
        </Button>
      }
    >
      <ul className="grid grid-cols-2 gap-0.5">
        {PRESETS.map((preset) => (
          <li key={preset.value}>
            <button
              type="button"
              aria-pressed={preset.value === current}
              onClick={() => choose({ kind: 'relative', ms: parseDuration(preset.value) ?? 0 })}
              className={cn(
                'flex h-8 w-full items-center justify-between rounded-md px-2 text-left hover:bg-hover touch:h-11',
                preset.value === current && 'bg-accent-soft font-medium text-accent',
              )}
            >
              {preset.label}
              {preset.value === current ? <Check className="size-4" aria-hidden="true" /> : null}
            </button>
          </li>
        ))}
      </ul>
      <form onSubmit={submit} className="mt-3 border-line border-t pt-3">
        <Field
          label="Any other time"
          hint={`3h, today, 10:00 to 11:30, ISO times. Your zone: ${zone(serverNow())}`}
          error={error}
        >
          {(control) => (
            <Input
              {...control}
              className="tnum h-8 text-sm"
              value={text}
              spellCheck={false}
              autoComplete="off"
              onChange={(event) => {
                setText(event.target.value)
                setError(undefined)
              }}
              onFocus={(event) => event.target.select()}
            />
          )}
        </Field>
        <div className="mt-3 flex gap-2">
          <Button type="submit" variant="primary" size="sm">
            Show
          </Button>
          <Button size="sm" className="ml-auto" onClick={() => void copyRange(range)}>
            <Copy aria-hidden="true" />
            Copy
          </Button>
          <Button
            size="sm"
            onClick={async () => {
              const pasted = await pastedRange()
              if (pasted) choose(pasted)
            }}
          >
            Paste
          </Button>
        </div>
      </form>
    </Popover>
  )
}
