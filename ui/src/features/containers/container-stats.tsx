import { useQuery } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'
import { bytes, shortRate } from '@/shared/lib/format'
import { serverNow } from '@/shared/lib/now'
import { Loaded } from '@/shared/ui/loaded'

const HOURS = 6
const POINTS = 360
const EVERY_MS = 30_000

const LINES = [
  { field: 'cpu', title: 'CPU', text: (value: number) => `${value.toFixed(1)} %` },
  { field: 'mem', title: 'Memory', text: (value: number) => bytes(value) },
  { field: 'rx', title: 'Network, received', text: (value: number) => shortRate(value) },
  { field: 'tx', title: 'Network, sent', text: (value: number) => shortRate(value) },
  { field: 'read', title: 'Disk, read', text: (value: number) => shortRate(value) },
  { field: 'write', title: 'Disk, written', text: (value: number) => shortRate(value) },
] as const

const seriesOf = (container: string, field: string) => `container:${container}:${field}`

/** The last hours of one container, from what its host has measured. */
export function ContainerStats({ server, container }: { server: string; container: string }) {
  const query = useQuery({
    queryKey: ['server', server, 'containers', container, 'stats'],
    queryFn: ({ signal }) => {
      const to = serverNow()
      return unwrap(
        api.GET('/api/v1/metrics/{server_id}/history', {
          params: {
            path: { server_id: server },
            query: {
              from: new Date(to - HOURS * 3_600_000).toISOString(),
              to: new Date(to).toISOString(),
              series: LINES.map(({ field }) => seriesOf(container, field)).join(','),
              max_points: POINTS,
            },
          },
          signal,
        }),
      )
    },
    refetchInterval: EVERY_MS,
  })
  return (
    <Loaded query={query} what="The figures could not be loaded">
      {({ t, from, to, series }) => (
        <div className="mt-3 grid gap-3 md:grid-cols-2">
          {LINES.map(({ field, title, text }) => {
            const line = series.find((one) => one.name === seriesOf(container, field))
            return (
              <Figure
                key={field}
                title={title}
                text={text}
                times={t}
                span={[Date.parse(from), Date.parse(to)]}
                values={line?.avg ?? []}
                highest={line?.max ?? []}
              />
            )
          })}
        </div>
      )}
    </Loaded>
  )
}

const WIDTH = 600
const HEIGHT = 96

function Figure({
  title,
  text,
  times,
  span: [from, to],
  values,
  highest,
}: {
  title: string
  text: (value: number) => string
  times: readonly number[]
  span: [number, number]
  values: readonly (number | null)[]
  highest: readonly (number | null)[]
}) {
  const numbers = highest.filter((value) => value !== null)
  const top = Math.max(...numbers, 0)
  const last = values.findLast((value) => value !== null)
  // A gap in the readings is a gap in the line.
  let path = ''
  let pen = 'M'
  times.forEach((at, index) => {
    const value = values[index] ?? null
    if (value === null) {
      pen = 'M'
      return
    }
    const x = ((at - from) / (to - from)) * WIDTH
    const y = HEIGHT - (top > 0 ? value / top : 0) * (HEIGHT - 4) - 2
    path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`
    pen = 'L'
  })
  const summary =
    numbers.length === 0
      ? 'No readings'
      : `now ${last === undefined || last === null ? '–' : text(last)}, at most ${text(top)}`
  return (
    <figure className="card p-3" aria-label={title}>
      <figcaption className="flex flex-wrap items-baseline gap-2">
        <span className="font-medium">{title}</span>
        <span className="tnum text-ink-2 text-xs">{summary}</span>
        <span className="flex-1" />
        <span className="text-2xs text-ink-3">last {HOURS} hours</span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        className="mt-2 h-24 w-full text-accent"
        aria-hidden="true"
      >
        <path d={path} fill="none" stroke="currentColor" vectorEffect="non-scaling-stroke" />
      </svg>
    </figure>
  )
}
