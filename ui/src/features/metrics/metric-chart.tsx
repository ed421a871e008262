import { useMemo } from 'react'
import type { Marker } from '@/shared/charts/plot'
import { TimeChart } from '@/shared/charts/time-chart'
import type { Viewport, Window } from '@/shared/charts/viewport'
import type { ServerFeed } from '@/shared/metrics/feed'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import type { ChartSpec } from './catalogue'
import type { TimeRange } from './time-range'
import { useChartSource, useHistory } from './use-history'

export interface ChartPageContext {
  server: string
  feed: ServerFeed
  intervalMs: number
  range: TimeRange
  playing: boolean
  statistic: 'avg' | 'max'
  viewport: Viewport
  markers: readonly Marker[]
  onZoom: (window: Window) => void
  onZoomOut: () => void
  onMarker: (marker: Marker) => void
}

export const CHART_HEIGHT = 168

/** One chart of the page with the history it needs. */
export function MetricChart({ spec, page }: { spec: ChartSpec; page: ChartPageContext }) {
  const names = useMemo(() => [...new Set(spec.lines.flatMap((line) => line.inputs))], [spec])
  const history = useHistory(page.server, names, page.range, page.playing)
  const source = useChartSource(page.feed, spec.lines, page.intervalMs, history.data)
  if (history.isError && !history.data) {
    return (
      <ProblemPanel
        what={`${spec.title} could not be loaded`}
        error={history.error}
        onRetry={() => void history.refetch()}
      />
    )
  }
  return (
    <TimeChart
      title={spec.title}
      unit={spec.unit}
      lines={spec.lines}
      style={spec.style}
      top={spec.top}
      source={source}
      viewport={page.viewport}
      syncKey={`server ${page.server}`}
      statistic={page.statistic}
      markers={page.markers}
      onZoom={page.onZoom}
      onZoomOut={page.onZoomOut}
      onMarker={page.onMarker}
      height={
        spec.style === 'heat' ? Math.max(CHART_HEIGHT, spec.lines.length * 8 + 36) : CHART_HEIGHT
      }
      emptyText={history.isPending ? '' : undefined}
    />
  )
}
