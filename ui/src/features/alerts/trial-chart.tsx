/** What was measured on a server, with the limit, and once it was tried the stretches in which the rule would have been open. */
import { useQuery } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'
import type { TrialServer } from '@/shared/api/model'
import type { Curve } from './drawing'
import { checkQuery } from './queries'
import { unitOf } from './series'
import { limitsOf, measuresOf, simpleOf } from './simple'
import { ThresholdChart } from './threshold-chart'
import { sideOf, type TrialLine, trialLine } from './trial-line'
import { trialText } from './words'

const POINTS = 600

export function TrialChart({
  server,
  name,
  trial,
  wording,
  window,
  title,
}: {
  server: string
  name: string
  /** Null: it was not tried yet. */
  trial: TrialServer | null
  wording: string
  window: { from: number; to: number }
  /** Stands above the picture. */
  title?: string
}) {
  const { data: parsed } = useQuery(checkQuery(wording))
  // The first comparison is drawn, on the device that fired; the sentence above speaks of all.
  const [measure] = measuresOf(parsed?.when)
  const [limit] = limitsOf(parsed?.when)
  const device = trial?.episodes[0]?.device ?? ''
  const line = measure ? trialLine(measure.series, device) : null
  const simple = parsed ? simpleOf(parsed) : null
  const side = measure?.windowed || !simple ? 'avg' : sideOf(simple.comparison)
  const { data: history } = useQuery({
    queryKey: ['alerts', 'trial', server, line?.inputs, window, side],
    enabled: line !== null,
    staleTime: Number.POSITIVE_INFINITY,
    // A picture beside what is said in words.
    retry: false,
    queryFn: ({ signal }) =>
      unwrap(
        api.GET('/api/v1/metrics/{server_id}/history', {
          params: {
            path: { server_id: server },
            query: {
              from: new Date(window.from).toISOString(),
              to: new Date(window.to).toISOString(),
              series: line?.inputs.join(',') ?? '',
              max_points: POINTS,
            },
          },
          signal,
        }),
      ),
  })
  if (!line || !history) return null
  const curve: Curve = { label: line.label, points: pointsOf(line, history, side) }
  const chart = (
    <ThresholdChart
      label={`${line.label} on ${name}. ${trial ? trialText(trial.fired, trial.flaps) : 'Not tried yet'}.`}
      unit={unitOf(line.label)}
      curves={[curve]}
      limits={limit ? [limit] : []}
      window={window}
      bands={(trial?.episodes ?? [])
        .filter((episode) => episode.device === device)
        .map((episode) => ({
          from: Date.parse(episode.raised),
          to: episode.resolved ? Date.parse(episode.resolved) : window.to,
        }))}
    />
  )
  if (!title) return chart
  return (
    <div className="mt-4">
      <h3 className="text-ink-2 text-sm">{title}</h3>
      {chart}
    </div>
  )
}

interface Stored {
  t: number[]
  series: { name: string; avg: (number | null)[]; min: (number | null)[]; max: (number | null)[] }[]
}

function pointsOf(line: TrialLine, history: Stored, side: 'avg' | 'min' | 'max'): Curve['points'] {
  const inputs = line.inputs.map((name) => history.series.find((one) => one.name === name))
  return history.t.map((at, index) => ({
    at,
    value: line.value(inputs.map((one) => one?.[side][index] ?? null)),
  }))
}
