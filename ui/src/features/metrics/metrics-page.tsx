import { useQuery, useQueryClient } from '@tanstack/react-query'
import { ChevronLeft, ChevronRight, Pause, Play, ZoomOut } from 'lucide-react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { Server } from '@/shared/api/model'
import type { Marker } from '@/shared/charts/plot'
import { Viewport, type Window } from '@/shared/charts/viewport'
import { cn } from '@/shared/lib/cn'
import { useHotkeys } from '@/shared/lib/hotkeys'
import { serverNow } from '@/shared/lib/now'
import { day } from '@/shared/lib/time'
import { flatten } from '@/shared/metrics/sample'
import { useFeed, useNewestSample } from '@/shared/metrics/use-feed'
import { eventsQuery, eventText, eventTone } from '@/shared/servers/server-query'
import { Button } from '@/shared/ui/button'
import { Segmented } from '@/shared/ui/segmented'
import { useResync } from '@/shared/ws/live'
import { deviceSections, type Section, systemSection } from './catalogue'
import { FilesystemsTable } from './filesystems-table'
import { LazyMount } from './lazy-mount'
import { isSummedUp, resolutionText } from './merge'
import { CHART_HEIGHT, type ChartPageContext, MetricChart } from './metric-chart'
import { copyRange, pastedRange, RangePicker } from './range-picker'
import {
  bounded,
  fromSearch,
  type RangeSearch,
  shift,
  type TimeRange,
  toSearch,
  windowOf,
  zoomOut,
} from './time-range'
import { historyKey, useHistory } from './use-history'

export interface MetricsSearch extends RangeSearch {
  stat?: 'max'
}

/** Title row, legend and plot of a chart card. */
const CARD_HEIGHT = CHART_HEIGHT + 62
/** Devices beyond this wait behind a button: a host may have hundreds of interfaces. */
const FEW_CHARTS = 12

export function MetricsPage({
  server,
  search,
  onSearch,
  onEvents,
}: {
  server: Server
  search: MetricsSearch
  onSearch: (search: MetricsSearch) => void
  onEvents: () => void
}) {
  const feed = useFeed()
  const client = useQueryClient()
  const { range: rangeText, from, to } = search
  const range = useMemo(() => fromSearch({ range: rangeText, from, to }), [rangeText, from, to])
  const statistic = search.stat ?? 'avg'
  const [paused, setPaused] = useState(false)
  const moving = range.kind === 'relative'
  const playing = moving && !paused

  const viewport = useViewport(range, playing)
  const setRange = useCallback(
    (next: TimeRange) => {
      setPaused(false)
      onSearch({ ...toSearch(next), stat: search.stat })
    },
    [onSearch, search.stat],
  )
  const zoom = useCallback(
    (window: Window) => {
      const next = bounded({
        kind: 'absolute',
        from: Math.round(window.from),
        to: Math.round(window.to),
      })
      if (next) setRange(next)
    },
    [setRange],
  )
  const back = useCallback(() => setRange(zoomOut(range, serverNow())), [setRange, range])

  useResync(
    useCallback(() => {
      void client.invalidateQueries({ queryKey: historyKey(server.id) })
      void client.invalidateQueries({ queryKey: eventsQuery(server.id).queryKey })
    }, [client, server.id]),
  )
  useHotkeys({
    p: () => setPaused((before) => !before),
    '[': () => setRange(shift(range, -1, serverNow())),
    ']': () => setRange(shift(range, 1, serverNow())),
    't -': back,
    't c': () => void copyRange(range),
    't v': () => void pastedRange().then((pasted) => pasted && setRange(pasted)),
  })

  const markers = useMarkers(server.id, range)
  const names = useSeriesNames(server.id)
  const memory = server.agent?.memory_total ?? null
  const sections = useMemo(() => {
    const list = names === '' ? [] : names.split('\n')
    return [systemSection(new Set(list), { memory }), ...deviceSections(list)]
  }, [names, memory])

  // The first chart's history also tells what one point stands for.
  const firstNames = sections[0]?.charts[0]?.lines.flatMap((line) => line.inputs) ?? ['cpu']
  const { data: history } = useHistory(server.id, firstNames, range, playing)
  const summedUp = history !== undefined && isSummedUp(history, server.interval_ms)

  const page: ChartPageContext = {
    server: server.id,
    feed,
    intervalMs: server.interval_ms,
    range,
    playing,
    statistic,
    viewport,
    markers,
    onZoom: zoom,
    onZoomOut: back,
    onMarker: onEvents,
  }
  const oldest = history?.retention_from ? Date.parse(history.retention_from) : null
  const tooOld = oldest !== null && windowOf(range, serverNow()).from < oldest

  return (
    <div>
      <div className="-mx-3 sticky top-12 z-20 flex flex-wrap items-center gap-2 border-line border-b bg-bg px-3 py-2 sm:-mx-5 sm:px-5 max-sm:static short:static">
        <RangePicker range={range} onChange={setRange} />
        <div className="flex">
          <Button
            size="icon"
            variant="quiet"
            aria-label="Earlier"
            title="Earlier ([)"
            onClick={() => setRange(shift(range, -1, serverNow()))}
          >
            <ChevronLeft aria-hidden="true" />
          </Button>
          <Button
            size="icon"
            variant="quiet"
            aria-label="Later"
            title="Later (])"
            disabled={moving}
            onClick={() => setRange(shift(range, 1, serverNow()))}
          >
            <ChevronRight aria-hidden="true" />
          </Button>
          <Button
            size="icon"
            variant="quiet"
            aria-label="Zoom out"
            title="Zoom out (t -)"
            onClick={back}
          >
            <ZoomOut aria-hidden="true" />
          </Button>
        </div>
        {moving ? (
          <Button
            aria-pressed={paused}
            onClick={() => setPaused(!paused)}
            title="Pause or play (p)"
          >
            {paused ? <Play aria-hidden="true" /> : <Pause aria-hidden="true" />}
            {paused ? 'Play' : 'Pause'}
          </Button>
        ) : (
          <Button variant="primary" onClick={() => setRange(fromSearch({}))}>
            <Play aria-hidden="true" />
            Back to live
          </Button>
        )}
        {summedUp ? (
          <Segmented
            label="Lines show"
            value={statistic}
            options={[
              { value: 'avg', label: 'Average' },
              { value: 'max', label: 'Maximum' },
            ]}
            onChange={(value) =>
              onSearch({ ...toSearch(range), stat: value === 'max' ? 'max' : undefined })
            }
          />
        ) : null}
        <p className="ml-auto text-2xs text-ink-3 max-sm:w-full" role="status">
          {paused
            ? 'Paused; readings are still collected'
            : history
              ? resolutionText(history, server.interval_ms)
              : ''}
          {tooOld && oldest !== null ? ` · nothing is kept from before ${day(oldest)}` : ''}
        </p>
      </div>
      {sections.map((section) => (
        <SectionView key={section.id} section={section} page={page} />
      ))}
    </div>
  )
}

function SectionView({ section, page }: { section: Section; page: ChartPageContext }) {
  const [all, setAll] = useState(false)
  const shown = all ? section.charts : section.charts.slice(0, FEW_CHARTS)
  const hidden = section.charts.length - shown.length
  const first = section.id === 'system'
  return (
    <section aria-labelledby={`section-${section.id}`} className={cn(first ? 'mt-3' : 'mt-7')}>
      <h2
        id={`section-${section.id}`}
        className={cn('mb-2 font-semibold text-base tracking-tight', first && 'sr-only')}
      >
        {section.title}
      </h2>
      {section.id === 'filesystems' ? <FilesystemsTable /> : null}
      <div
        className={cn(
          'grid gap-3',
          section.columns === 3
            ? 'md:grid-cols-2 xl:grid-cols-3'
            : section.charts.length > 1 && 'md:grid-cols-2',
        )}
      >
        {shown.map((spec) => (
          <LazyMount key={spec.id} height={CARD_HEIGHT}>
            <MetricChart spec={spec} page={page} />
          </LazyMount>
        ))}
      </div>
      {hidden > 0 ? (
        <Button className="mt-3" onClick={() => setAll(true)}>
          Show {hidden} more charts
        </Button>
      ) : null}
    </section>
  )
}

/** The window of the page: follows the clock while it plays. */
function useViewport(range: TimeRange, playing: boolean): Viewport {
  const current = useRef(range)
  const [viewport] = useState(() => new Viewport(() => windowOf(current.current, serverNow())))

  useEffect(() => {
    current.current = range
    viewport.setRange(() => windowOf(range, serverNow()))
  }, [viewport, range])

  useEffect(() => {
    if (range.kind !== 'relative') return
    if (!playing) {
      viewport.hold('paused')
      return () => viewport.release('paused')
    }
    const timer = setInterval(() => viewport.tick(), 1_000)
    return () => clearInterval(timer)
  }, [viewport, playing, range])

  return viewport
}

function useMarkers(server: string, range: TimeRange): readonly Marker[] {
  const { data } = useQuery(eventsQuery(server))
  return useMemo(() => {
    // Over months every restart of a year would be a fence; days are where they help.
    const span = range.kind === 'relative' ? range.ms : range.to - range.from
    if (!data || span > 7 * 86_400_000) return []
    return data.events.map((event) => ({
      at: Date.parse(event.at),
      tone: eventTone(event.kind),
      label: eventText(event.kind),
    }))
  }, [data, range])
}

/** Names of all series of the server, one a line: text compares by value, so it is a stable key. */
function useSeriesNames(server: string): string {
  const newest = useNewestSample()
  const { data } = useQuery({
    queryKey: ['series', server],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/v1/metrics/{server_id}/series', {
          params: { path: { server_id: server } },
          signal,
        }),
      ),
    staleTime: 300_000,
  })
  return useMemo(() => {
    const names = new Set(data?.series.map((series) => series.name))
    if (newest) {
      for (const [name, value] of flatten(newest.sample)) if (value !== null) names.add(name)
    }
    return [...names].join('\n')
  }, [data, newest])
}
