/** History of some series over the chosen time, joined with what comes live, as a chart's source. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useEffect, useMemo } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { History } from '@/shared/api/model'
import type { ChartData } from '@/shared/charts/data'
import type { ChartSource } from '@/shared/charts/time-chart'
import type { Window } from '@/shared/charts/viewport'
import { serverNow } from '@/shared/lib/now'
import type { ServerFeed } from '@/shared/metrics/feed'
import { Ring } from '@/shared/metrics/ring'
import { type LineSource, merge } from './merge'
import { LIVE_SPAN_MS, spanOf, type TimeRange, windowOf } from './time-range'

/** About one point for every pixel or two of a chart. */
const MAX_POINTS = 720
/** Nothing changes faster than a pixel: long ranges are asked again at that pace. */
const SLOWEST_REFRESH_MS = 15_000

const NO_READINGS = new Ring(0)

export const historyKey = (server: string) => ['history', server] as const

function rangeKey(range: TimeRange): string {
  return range.kind === 'relative' ? `last ${range.ms}` : `${range.from}-${range.to}`
}

/** Relative ranges of at most an hour grow by what comes live; longer ones are asked again. */
export function isFed(range: TimeRange): boolean {
  return range.kind === 'relative' && range.ms <= LIVE_SPAN_MS
}

class MergedSource implements ChartSource {
  readonly #feed: ServerFeed
  readonly #lines: readonly LineSource[]
  readonly #intervalMs: number
  readonly #listeners = new Set<() => void>()
  #history: History | null = null

  constructor(feed: ServerFeed, lines: readonly LineSource[], intervalMs: number) {
    this.#feed = feed
    this.#lines = lines
    this.#intervalMs = intervalMs
  }

  setHistory(history: History | null): void {
    this.#history = history
    for (const listener of this.#listeners) listener()
  }

  read(window: Window): ChartData {
    // Single readings behind averages of hours would be noise of another kind.
    const ring = this.#history && this.#history.resolution !== 'raw' ? NO_READINGS : this.#feed.ring
    return merge(this.#history, ring, this.#lines, window, this.#intervalMs)
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    const stop = this.#feed.subscribe(listener)
    return () => {
      this.#listeners.delete(listener)
      stop()
    }
  }
}

/** Names of devices may hold commas: the API reads `\\,` as one that does not separate. */
function seriesParameter(names: readonly string[]): string {
  return names.map((name) => name.replaceAll(/[\\,]/g, '\\$&')).join(',')
}

export function useHistory(
  server: string,
  names: readonly string[],
  range: TimeRange,
  playing: boolean,
) {
  const series = seriesParameter(names)
  const long = range.kind === 'relative' && !isFed(range)
  return useQuery({
    queryKey: [...historyKey(server), series, rangeKey(range)],
    queryFn: ({ signal }) => {
      const { from, to } = windowOf(range, serverNow())
      return unwrap(
        api.GET('/api/v1/metrics/{server_id}/history', {
          params: {
            path: { server_id: server },
            query: {
              from: new Date(from).toISOString(),
              to: new Date(to).toISOString(),
              series,
              max_points: MAX_POINTS,
            },
          },
          signal,
        }),
      )
    },
    placeholderData: keepPreviousData,
    staleTime: isFed(range) ? 0 : SLOWEST_REFRESH_MS,
    gcTime: 60_000,
    refetchInterval:
      long && playing ? Math.max(SLOWEST_REFRESH_MS, spanOf(range) / MAX_POINTS) : false,
  })
}

export function useChartSource(
  feed: ServerFeed,
  lines: readonly LineSource[],
  intervalMs: number,
  history: History | undefined,
): ChartSource {
  const source = useMemo(() => new MergedSource(feed, lines, intervalMs), [feed, lines, intervalMs])
  useEffect(() => source.setHistory(history ?? null), [source, history])
  return source
}
