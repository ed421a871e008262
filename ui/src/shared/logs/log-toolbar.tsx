import { ChevronDown, ChevronUp, Download, Pause, Play, Trash2 } from 'lucide-react'
import type { ReactNode } from 'react'
import { cn } from '../lib/cn'
import { download } from '../lib/download'
import { Button } from '../ui/button'
import { Input } from '../ui/input'
import { plain } from './ansi'
import type { LogLine } from './line'
import type { Query } from './search'

export interface ViewOptions {
  query: Query
  /** Show nothing but what matches. */
  only: boolean
  wrap: boolean
  times: boolean
}

/** As a text file: time and text of each line. */
export function asText(lines: readonly LogLine[]): string {
  return lines
    .map((line) => {
      if (line.skipped !== undefined) return `… ${line.skipped} lines skipped …`
      const at = line.at === null ? '' : `${new Date(line.at).toISOString()} `
      return `${at}${line.source ? `${line.source} ` : ''}${plain(line.text)}`
    })
    .join('\n')
    .concat('\n')
}

export function LogToolbar({
  options,
  onChange,
  problem,
  hits,
  at,
  onStep,
  following,
  onFollow,
  onClear,
  lines,
  fileName,
  children,
}: {
  options: ViewOptions
  onChange: (options: ViewOptions) => void
  problem: string | null
  hits: number | null
  /** Which of the hits is shown, from 1. */
  at: number | null
  onStep: (way: 1 | -1) => void
  following: boolean
  onFollow: () => void
  onClear: () => void
  lines: () => LogLine[]
  fileName: string
  children?: ReactNode
}) {
  const { query } = options
  const set = (change: Partial<Query>) => onChange({ ...options, query: { ...query, ...change } })
  return (
    <div className="flex flex-wrap items-center gap-2 border-line border-b px-2 py-1.5">
      {children}
      <div className="flex min-w-56 flex-1 items-center gap-1 max-sm:basis-full max-sm:flex-wrap">
        <Input
          type="search"
          aria-label="Search in these lines"
          aria-invalid={problem !== null}
          placeholder="Search"
          value={query.text}
          onChange={(event) => set({ text: event.target.value })}
          onKeyDown={(event) => {
            if (event.key === 'Enter') onStep(event.shiftKey ? -1 : 1)
          }}
          className="h-7 min-w-0 flex-1 max-sm:basis-full"
        />
        <Toggle
          on={query.regex}
          label="Regular expression"
          onClick={() => set({ regex: !query.regex })}
        >
          .*
        </Toggle>
        <Toggle
          on={query.invert}
          label="Lines that do not match"
          onClick={() => set({ invert: !query.invert })}
        >
          not
        </Toggle>
        <Toggle
          on={options.only}
          label="Show only lines that match"
          onClick={() => onChange({ ...options, only: !options.only })}
        >
          only
        </Toggle>
        <span role="status" className="tnum min-w-20 text-2xs text-ink-2">
          {problem ?? (hits === null ? '' : `${at ?? '–'} of ${hits}`)}
        </span>
        <Button
          variant="quiet"
          size="iconSm"
          aria-label="Previous hit"
          disabled={!hits}
          onClick={() => onStep(-1)}
        >
          <ChevronUp aria-hidden="true" />
        </Button>
        <Button
          variant="quiet"
          size="iconSm"
          aria-label="Next hit"
          disabled={!hits}
          onClick={() => onStep(1)}
        >
          <ChevronDown aria-hidden="true" />
        </Button>
      </div>
      <div className="flex items-center gap-1">
        <Toggle
          on={options.times}
          label="Show times"
          onClick={() => onChange({ ...options, times: !options.times })}
        >
          Times
        </Toggle>
        <Toggle
          on={options.wrap}
          label="Wrap long lines"
          onClick={() => onChange({ ...options, wrap: !options.wrap })}
        >
          Wrap
        </Toggle>
        <Button variant="outline" size="sm" aria-pressed={following} onClick={onFollow}>
          {following ? <Pause aria-hidden="true" /> : <Play aria-hidden="true" />}
          {following ? 'Pause' : 'Follow'}
        </Button>
        <Button
          variant="quiet"
          size="iconSm"
          aria-label="Download these lines"
          onClick={() => download(`${fileName}.log`, 'text/plain', asText(lines()))}
        >
          <Download aria-hidden="true" />
        </Button>
        <Button variant="quiet" size="iconSm" aria-label="Clear these lines" onClick={onClear}>
          <Trash2 aria-hidden="true" />
        </Button>
      </div>
    </div>
  )
}

function Toggle({
  on,
  label,
  onClick,
  children,
}: {
  on: boolean
  label: string
  onClick: () => void
  children: ReactNode
}) {
  return (
    <Button
      variant="quiet"
      size="sm"
      aria-pressed={on}
      aria-label={label}
      title={label}
      onClick={onClick}
      className={cn('px-1.5', on && 'text-accent')}
    >
      {children}
    </Button>
  )
}
