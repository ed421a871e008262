import { useQuery } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'
import { serverNow } from '@/shared/lib/now'

const MINUTES = 60
const POINTS = 60
const EVERY_MS = 60_000
/** Containers of which a line is shown; more would be a question too long for an address. */
const MOST = 60

export type Sparks = ReadonlyMap<string, readonly (number | null)[]>

const nameOf = (container: string, field: 'cpu' | 'mem') => `container:${container}:${field}`

/** Processor and memory of the last hour, of all containers of a host with one question. */
export function useSparks(server: string, names: readonly string[]) {
  const asked = names.slice(0, MOST)
  const { data } = useQuery({
    queryKey: ['server', server, 'containers', 'sparks', asked],
    enabled: asked.length > 0,
    queryFn: async ({ signal }): Promise<Sparks> => {
      const to = serverNow()
      const series = asked.flatMap((name) => [nameOf(name, 'cpu'), nameOf(name, 'mem')])
      const history = await unwrap(
        api.GET('/api/v1/metrics/{server_id}/history', {
          params: {
            path: { server_id: server },
            query: {
              from: new Date(to - MINUTES * 60_000).toISOString(),
              to: new Date(to).toISOString(),
              series: series.join(','),
              max_points: POINTS,
            },
          },
          signal,
        }),
      )
      return new Map(history.series.map((one) => [one.name, one.avg]))
    },
    placeholderData: (before) => before,
    refetchInterval: EVERY_MS,
    // A decoration: without it the list is whole.
    retry: false,
  })
  return (container: string, field: 'cpu' | 'mem') => data?.get(nameOf(container, field)) ?? []
}

const WIDTH = 56
const HEIGHT = 16

/** Points of a line for each stretch without a gap, the highest value at the top. */
export function strokes(values: readonly (number | null)[]): string {
  const top = Math.max(...values.map((value) => value ?? 0), 0)
  const step = WIDTH / Math.max(1, values.length - 1)
  let path = ''
  let pen = 'M'
  values.forEach((value, index) => {
    if (value === null) {
      pen = 'M'
      return
    }
    const y = HEIGHT - 1 - (top > 0 ? value / top : 0) * (HEIGHT - 2)
    path += `${pen}${(index * step).toFixed(1)} ${y.toFixed(1)}`
    pen = 'L'
  })
  return path
}

/** The figure beside it says the same in words. */
export function Spark({ values }: { values: readonly (number | null)[] }) {
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      className="inline-block h-4 w-14 text-accent"
      aria-hidden="true"
    >
      <path d={strokes(values)} fill="none" stroke="currentColor" strokeWidth="1.25" />
    </svg>
  )
}
