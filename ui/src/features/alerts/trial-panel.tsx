/** Runs a rule against what was measured: when it would have fired, for how long, how often it would have come back. */
import { FlaskConical } from 'lucide-react'
import { useMemo, useState } from 'react'
import type { TrialServer } from '@/shared/api/model'
import { useFleetSnapshot } from '@/shared/fleet/fleet'
import { plural } from '@/shared/lib/format'
import { serverNow } from '@/shared/lib/now'
import { dateTime } from '@/shared/lib/time'
import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Segmented } from '@/shared/ui/segmented'
import { Select } from '@/shared/ui/select'
import { StatusDot } from '@/shared/ui/status-dot'
import { isIn } from './scope-fields'
import type { ScopeDraft } from './silence-draft'
import { timeText } from './times'
import { TrialChart } from './trial-chart'
import { type Trial, useTrial } from './use-trial'
import { lasted, trialText } from './words'

const RANGES = [
  { value: '24h', label: '24 h', ms: 86_400_000 },
  { value: '7d', label: '7 d', ms: 7 * 86_400_000 },
  { value: '30d', label: '30 d', ms: 30 * 86_400_000 },
] as const
type Range = (typeof RANGES)[number]['value']

function windowOf(range: Range): { from: number; to: number } {
  const to = serverNow()
  return { from: to - (RANGES.find(({ value }) => value === range)?.ms ?? 0), to }
}

/** Most servers of one trial: each is a month of readings at worst. */
const MOST = 100
/** Up to so many servers are shown one by one even when the rule would have been quiet there. */
const FEW = 3
const MOST_EPISODES = 20

export function TrialPanel({
  wording,
  scope,
  ready,
  fact,
  onWait,
}: {
  wording: string
  scope: ScopeDraft
  /** The wording is known to be one. */
  ready: boolean
  /** It looks at what happens, not at numbers. */
  fact: boolean
  onWait: (ms: number) => void
}) {
  const { rows } = useFleetSnapshot()
  const [range, setRange] = useState<Range>('24h')
  const [only, setOnly] = useState('')
  const servers = rows
    .filter(({ server }) => isIn(scope, server))
    .map(({ server }) => server)
    .sort((a, b) => a.name.localeCompare(b.name))
  const chosen = servers.some(({ id }) => id === only)
    ? [only]
    : servers.slice(0, MOST).map(({ id }) => id)
  // Before anything is tried, one server shows where the limit lies.
  const sample = ready && !fact ? servers.find(({ id }) => id === chosen[0]) : undefined
  const shown = useMemo(() => windowOf(range), [range])
  const { trial, begin, stop } = useTrial()
  const run = () => void begin(wording, windowOf(range), chosen)
  return (
    <section aria-labelledby="trial" className="card p-4">
      <h2 id="trial" className="font-medium">
        Try it
      </h2>
      <p className="text-ink-2 text-sm">
        {fact
          ? 'Only rules about numbers can be tried.'
          : 'On what was measured already. Nobody is told, nothing is kept.'}
      </p>
      <div className="mt-3 flex flex-wrap items-end gap-3">
        <Field label="Server" className="w-56 max-sm:w-full">
          {(control) => (
            <Select
              {...control}
              className="h-8 text-sm"
              value={only}
              onChange={(event) => setOnly(event.target.value)}
            >
              <option value="">
                {servers.length > MOST ? `The first ${MOST} of ${servers.length}` : 'All of them'}
              </option>
              {servers.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Segmented label="How far back" value={range} options={RANGES} onChange={setRange} />
        <Button
          disabled={!ready || fact || chosen.length === 0}
          busy={trial?.state === 'running'}
          onClick={run}
        >
          <FlaskConical aria-hidden="true" />
          Try the rule
        </Button>
      </div>
      {sample && !trial ? (
        <TrialChart
          server={sample.id}
          name={sample.name}
          trial={null}
          wording={wording}
          window={shown}
          title={`${sample.name}, the last ${RANGES.find(({ value }) => value === range)?.label ?? ''}, with the limit`}
        />
      ) : null}
      {trial ? <TrialFound trial={trial} wording={wording} onWait={onWait} onStop={stop} /> : null}
      {trial?.state === 'failed' ? (
        <ProblemPanel
          className="mt-4"
          what="The rule could not be tried"
          error={trial.error}
          onRetry={run}
        />
      ) : null}
    </section>
  )
}

function TrialFound({
  trial,
  wording,
  onWait,
  onStop,
}: {
  trial: Trial
  wording: string
  onWait: (ms: number) => void
  onStop: () => void
}) {
  const { found, many, window } = trial
  const shown = many <= FEW ? found : found.filter(({ fired }) => fired > 0)
  const quiet = found.length - shown.length
  return (
    <section aria-label="What it would have done" className="mt-4 flex flex-col gap-6">
      {trial.state === 'running' && many > 1 ? (
        <div className="flex items-center gap-3 text-sm">
          <progress className="w-40 accent-accent" value={found.length} max={many}>
            {found.length} of {many}
          </progress>
          <span role="status" className="tnum text-ink-2">
            {found.length} of {plural(many, 'server')}
          </span>
          <Button size="sm" onClick={onStop}>
            Stop
          </Button>
        </div>
      ) : null}
      {trial.state === 'stopped' ? (
        <p className="text-warn text-xs">
          Stopped after {found.length} of {plural(many, 'server')}.
        </p>
      ) : null}
      {trial.wording === wording ? null : (
        <p className="text-warn text-xs">
          The rule was changed since; this is about the one before.
        </p>
      )}
      {shown.map((server) => (
        <TrialOfServer
          key={server.server_id}
          trial={server}
          wording={trial.wording}
          window={window}
          onWait={onWait}
        />
      ))}
      {quiet > 0 ? (
        <p className="text-ink-2 text-sm">
          On {plural(quiet, shown.length > 0 ? 'other server' : 'server')} it would never have
          fired.
        </p>
      ) : null}
    </section>
  )
}

function TrialOfServer({
  trial,
  wording,
  window,
  onWait,
}: {
  trial: TrialServer
  wording: string
  window: { from: number; to: number }
  onWait: (ms: number) => void
}) {
  const { episodes, name } = trial
  return (
    <article className="min-w-0" aria-label={name}>
      <h3 className="flex items-center gap-2 font-medium">
        <StatusDot tone={trial.fired === 0 ? 'ok' : 'warn'} />
        <span className="truncate">{name}</span>
      </h3>
      {trial.readings === 0 ? (
        <p className="text-ink-2 text-sm">Nothing was measured in this time.</p>
      ) : (
        <>
          <p className="text-sm">
            {trialText(trial.fired, trial.flaps)}
            <span className="text-ink-2">
              , in {plural(trial.readings, 'reading')}.
              {trial.passed > 0
                ? ` It was true ${plural(trial.passed, 'more time')} for too short a time.`
                : ''}
            </span>
          </p>
          <TrialGaps trial={trial} />
          {trial.flaps > 0 ? (
            <p className="mt-1 flex flex-wrap items-center gap-2 text-sm">
              With a wait of {timeText(trial.suggested_for_ms)} it would not have come back.
              <Button size="sm" onClick={() => onWait(trial.suggested_for_ms)}>
                Use {timeText(trial.suggested_for_ms)}
              </Button>
            </p>
          ) : null}
          <TrialChart
            server={trial.server_id}
            name={name}
            trial={trial}
            wording={wording}
            window={window}
          />
          {episodes.length > 0 ? (
            <details className="mt-2">
              <summary className="cursor-pointer text-ink-2 text-sm hover:text-ink">
                {plural(trial.fired, 'time')}
              </summary>
              <ol className="mt-1 flex flex-col gap-0.5 text-sm">
                {episodes.slice(0, MOST_EPISODES).map((episode) => (
                  <li key={`${episode.device} ${episode.raised}`} className="tnum">
                    {dateTime(Date.parse(episode.raised))}
                    {episode.device ? `, ${episode.device}` : ''}
                    <span className="text-ink-2">
                      {' '}
                      for{' '}
                      {episode.resolved
                        ? lasted(Date.parse(episode.since), Date.parse(episode.resolved))
                        : 'the rest of the time'}
                    </span>
                  </li>
                ))}
                {trial.fired > MOST_EPISODES ? (
                  <li className="text-ink-3">and {trial.fired - MOST_EPISODES} more</li>
                ) : null}
              </ol>
            </details>
          ) : null}
        </>
      )}
    </article>
  )
}

/** What the answer does not rest on. */
function TrialGaps({ trial }: { trial: TrialServer }) {
  const means = trial.parts.filter(({ resolution }) => resolution !== 'raw').at(-1)
  if (means)
    return (
      <p className="text-warn text-xs">
        Up to {dateTime(Date.parse(means.to))} only means of{' '}
        {means.resolution === '1m' ? 'minutes' : 'hours'} are kept; short peaks before that cannot
        be seen.
      </p>
    )
  if (trial.complete) return null
  return (
    <p className="text-warn text-xs">
      Not all readings were looked at: there was too much to find. Try a shorter time.
    </p>
  )
}
