/** Runs a rule against what was measured: when it would have fired, for how long, how often it would have come back. */
import { useMutation } from '@tanstack/react-query'
import { FlaskConical } from 'lucide-react'
import { useMemo, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
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
import { lasted, trialText } from './words'

const RANGES = [
  { value: '24h', label: '24 h', ms: 86_400_000 },
  { value: '7d', label: '7 d', ms: 7 * 86_400_000 },
] as const
type Range = (typeof RANGES)[number]['value']

function windowOf(range: Range): { from: number; to: number } {
  const to = serverNow()
  return { from: to - (RANGES.find(({ value }) => value === range)?.ms ?? 0), to }
}

/** Servers that are tried at once, when all are meant: the page has to stay readable. */
const MOST = 10
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
  const trial = useMutation({
    mutationFn: async () => {
      const window = windowOf(range)
      const { from, to } = window
      const answer = await unwrap(
        api.POST('/api/v1/alerts/rules/trial', {
          body: {
            wording,
            server_ids: chosen,
            from: new Date(from).toISOString(),
            to: new Date(to).toISOString(),
          },
        }),
      )
      return { window, wording, complete: answer.complete, servers: answer.servers }
    },
  })
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
          busy={trial.isPending}
          onClick={() => trial.mutate()}
        >
          <FlaskConical aria-hidden="true" />
          Try the rule
        </Button>
      </div>
      {sample && !trial.data ? (
        <TrialChart
          server={sample.id}
          name={sample.name}
          trial={null}
          wording={wording}
          window={shown}
          title={`${sample.name}, the last ${range === '24h' ? '24 hours' : '7 days'}, with the limit`}
        />
      ) : null}
      {trial.isError ? (
        <ProblemPanel
          className="mt-4"
          what="The rule could not be tried"
          error={trial.error}
          onRetry={() => trial.mutate()}
        />
      ) : null}
      {trial.data ? (
        <section aria-label="What it would have done" className="mt-4 flex flex-col gap-6">
          {trial.data.wording === wording ? null : (
            <p className="text-warn text-xs">
              The rule was changed since; this is about the one before.
            </p>
          )}
          {trial.data.complete ? null : (
            <p className="text-warn text-xs">
              Not all readings were looked at: it took too long. Try fewer servers or a shorter
              time.
            </p>
          )}
          {trial.data.servers.map((server) => (
            <TrialOfServer
              key={server.server_id}
              trial={server}
              wording={trial.data.wording}
              window={trial.data.window}
              onWait={onWait}
            />
          ))}
        </section>
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
