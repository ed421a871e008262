import { memo } from 'react'
import { cn } from '../lib/cn'
import { clock, exact } from '../lib/time'
import { plain, type Span, spans } from './ansi'
import { type Level, type LogLine, levelOf } from './line'
import type { Matcher } from './search'

const LEVELS: Record<Level, { word: string; style: string }> = {
  fatal: { word: 'FATAL', style: 'text-bad font-semibold' },
  error: { word: 'ERROR', style: 'text-bad' },
  warn: { word: 'WARN', style: 'text-warn' },
  info: { word: 'INFO', style: 'text-ink-2' },
  debug: { word: 'DEBUG', style: 'text-ink-3' },
  trace: { word: 'TRACE', style: 'text-ink-3' },
}
const number = new Intl.NumberFormat('en')

/** One line. A button, so that it can be opened by keyboard too. */
export const LogRow = memo(function LogRow({
  line,
  search,
  wrap,
  times,
  streams,
  marked,
  selected,
  onOpen,
}: {
  line: LogLine
  search: Matcher | null
  wrap: boolean
  times: boolean
  /** What matters is which output of a program wrote it, not how bad it is. */
  streams: boolean
  marked: boolean
  selected: boolean
  onOpen: () => void
}) {
  if (line.skipped !== undefined) {
    return (
      <div className="h-5 bg-warn-soft px-3 text-warn leading-5">
        {number.format(line.skipped)} {line.skipped === 1 ? 'line' : 'lines'} skipped here: they
        came faster than they could be shown
      </div>
    )
  }
  const level = streams ? null : levelOf(line)
  const isError = streams && line.stream === 'stderr'
  return (
    <button
      type="button"
      tabIndex={-1}
      onClick={onOpen}
      aria-expanded={selected}
      className={cn(
        'flex min-h-5 w-full gap-3 px-3 text-left leading-5 hover:bg-hover',
        (marked || selected) && 'bg-accent-soft',
      )}
    >
      {times ? (
        <span
          className="tnum shrink-0 text-ink-3"
          title={line.at === null ? undefined : exact(line.at)}
        >
          {line.at === null ? '--:--:--.---' : `${clock(line.at)}.${milliseconds(line.at)}`}
        </span>
      ) : null}
      <span
        className={cn(
          'w-10 shrink-0',
          level && LEVELS[level].style,
          isError && 'font-medium text-bad',
        )}
      >
        {level ? LEVELS[level].word : line.stream === 'stderr' ? 'err' : ''}
      </span>
      {line.source ? <span className="shrink-0 text-accent">{line.source}</span> : null}
      <span
        className={cn(
          wrap ? 'min-w-0 whitespace-pre-wrap break-words' : 'whitespace-pre',
          isError && 'text-bad',
        )}
      >
        <Text text={wrap ? line.text : firstLine(line.text)} search={search} />
        {!wrap && line.text.includes('\n') ? (
          <span className="text-ink-3"> +{number.format(line.text.split('\n').length - 1)}</span>
        ) : null}
      </span>
    </button>
  )
})

/** Rows that do not wrap have one height. */
const firstLine = (text: string): string => {
  const end = text.indexOf('\n')
  return end < 0 ? text : text.slice(0, end)
}

const milliseconds = (at: number): string =>
  (((at % 1000) + 1000) % 1000).toFixed(0).padStart(3, '0')

function Text({ text, search }: { text: string; search: Matcher | null }) {
  const ranges = search?.ranges(plain(text)) ?? []
  const pieces = ranges.length === 0 ? spans(text) : cut(spans(text), ranges)
  return pieces.map((piece, index) => {
    const key = `${index}:${piece.style}`
    if ('hit' in piece && piece.hit) {
      return (
        <mark key={key} className={cn('bg-warn-mark text-bg', piece.style && 'font-semibold')}>
          {piece.text}
        </mark>
      )
    }
    return piece.style ? (
      <span key={key} className={piece.style}>
        {piece.text}
      </span>
    ) : (
      piece.text
    )
  })
}

/** Cuts styled pieces where hits begin and end. */
function cut(styled: Span[], ranges: [number, number][]): (Span & { hit: boolean })[] {
  const pieces: (Span & { hit: boolean })[] = []
  let at = 0
  let next = 0
  for (const { text, style } of styled) {
    const end = at + text.length
    let from = at
    while (from < end) {
      while (next < ranges.length && (ranges[next]?.[1] ?? 0) <= from) next += 1
      const [start, stop] = ranges[next] ?? [end, end]
      const hit = start <= from
      const to = Math.min(end, hit ? stop : start)
      pieces.push({ text: text.slice(from - at, to - at), style, hit })
      from = to
    }
    at = end
  }
  return pieces
}
