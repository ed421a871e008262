/** How many lines when, by severity; a click on a span goes there. */
import { useQuery } from '@tanstack/react-query'
import { exact } from '@/shared/lib/time'
import { histogramQuery } from './logs-query'
import type { LogsSearch } from './logs-search'

const HEIGHT = 48
const number = new Intl.NumberFormat('en')

const KINDS = [
  { levels: ['fatal', 'error'], word: 'errors', style: 'fill-bad' },
  { levels: ['warn'], word: 'warnings', style: 'fill-warn' },
  { levels: ['info', 'debug', 'trace', 'unknown'], word: 'other lines', style: 'fill-accent' },
] as const

export function Histogram({
  search,
  serverId,
  onSearch,
}: {
  search: LogsSearch
  serverId: string | undefined
  onSearch: (change: LogsSearch) => void
}) {
  const { data } = useQuery(histogramQuery(search, serverId))
  if (!data) return <div style={{ height: HEIGHT + 18 }} />
  const from = Date.parse(data.from)
  const width = data.width_s * 1000
  const first = Math.floor(from / width) * width
  const count = Math.max(1, Math.ceil((Date.parse(data.to) - first) / width))
  const sum = (lines: Record<string, number>, levels: readonly string[]) =>
    levels.reduce((total, level) => total + (lines[level] ?? 0), 0)
  const all = (lines: Record<string, number>) =>
    Object.values(lines).reduce((total, n) => total + n, 0)
  const most = Math.max(1, ...data.bars.map((bar) => all(bar.lines)))
  const lines = data.bars.reduce((total, bar) => total + all(bar.lines), 0)
  const dropped = data.bars.reduce((total, bar) => total + all(bar.dropped), 0)
  return (
    <figure className="px-2 pt-2">
      <svg
        className="block w-full"
        height={HEIGHT}
        viewBox={`0 0 ${count} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Lines over time: ${number.format(lines)} in all, at most ${number.format(most)} at once`}
      >
        {data.bars.map((bar) => {
          const at = Date.parse(bar.at)
          let y = HEIGHT
          const go = () =>
            onSearch({
              from: new Date(at).toISOString(),
              to: new Date(at + width).toISOString(),
              range: undefined,
              live: undefined,
            })
          const words = KINDS.map(
            (kind) => `${number.format(sum(bar.lines, kind.levels))} ${kind.word}`,
          )
          return (
            // biome-ignore lint/a11y/noStaticElementInteractions: the same is done with the times in the filters.
            <g key={bar.at} onClick={go} className="cursor-pointer hover:opacity-70">
              <title>{`${exact(at)}: ${words.join(', ')}`}</title>
              <rect
                x={(at - first) / width}
                y={0}
                width={1}
                height={HEIGHT}
                className="fill-transparent"
              />
              {[...KINDS].reverse().map((kind) => {
                const height = (sum(bar.lines, kind.levels) / most) * HEIGHT
                y -= height
                return (
                  <rect
                    key={kind.word}
                    x={(at - first) / width + 0.08}
                    y={y}
                    width={0.84}
                    height={height}
                    className={kind.style}
                  />
                )
              })}
            </g>
          )
        })}
      </svg>
      <figcaption className="flex flex-wrap justify-between gap-x-4 py-1 text-2xs text-ink-2">
        <span className="tnum">
          {number.format(lines)} {lines === 1 ? 'line' : 'lines'}
          {search.q ? ' in all; the text is not counted' : ''}
        </span>
        {dropped > 0 ? (
          <span className="tnum text-warn">
            {number.format(dropped)} more were dropped on the hosts: they came faster than their
            source may send
          </span>
        ) : null}
      </figcaption>
    </figure>
  )
}
