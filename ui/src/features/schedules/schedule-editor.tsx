/** Writes a schedule: when, what, where; with the moments and the servers that are meant before it is saved. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useMemo, useRef, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { Schedule } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import { PaceFields } from '@/shared/jobs/pace-fields'
import { ParameterFields } from '@/shared/jobs/parameter-fields'
import { Preview } from '@/shared/jobs/preview'
import { previewQuery } from '@/shared/jobs/preview-query'
import { scriptsQuery } from '@/shared/jobs/scripts-query'
import { targetsOf } from '@/shared/jobs/targets'
import { WhereFields } from '@/shared/jobs/where-fields'
import { focusInvalid } from '@/shared/lib/focus-invalid'
import { useLeaveGuard } from '@/shared/lib/leave-guard'
import { useRested } from '@/shared/lib/rested'
import { knownZones } from '@/shared/schedules/moments'
import { NextRuns } from '@/shared/schedules/next-runs'
import { timetableQuery } from '@/shared/schedules/timetable-query'
import { Button, buttonStyle } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { FormProblem } from '@/shared/ui/form-problem'
import { Input } from '@/shared/ui/input'
import { Loaded } from '@/shared/ui/loaded'
import { Select } from '@/shared/ui/select'
import { TextArea } from '@/shared/ui/text-area'
import { toast } from '@/shared/ui/toast'
import { draftOf, newDraft, problemsOf, requestOf, type ScheduleDraft, type What } from './draft'
import { keep, scheduleQuery } from './queries'

const OFTEN: readonly [string, string][] = [
  ['*/5 * * * *', 'Every five minutes'],
  ['0 * * * *', 'Every hour'],
  ['30 2 * * *', 'Every night at 2:30'],
  ['0 6 * * 1', 'Mondays at 6:00'],
  ['0 4 1 * *', 'The first of each month at 4:00'],
]

export function NewSchedulePage({ onSaved }: { onSaved: (id: string) => void }) {
  return (
    <Frame title="New schedule">
      <Editor schedule={null} onSaved={onSaved} />
    </Frame>
  )
}

export function EditSchedulePage({ id, onSaved }: { id: string; onSaved: (id: string) => void }) {
  const query = useQuery(scheduleQuery(id))
  return (
    <Frame title={query.data ? `Edit ${query.data.name}` : 'Edit a schedule'}>
      <Loaded query={query} what="The schedule could not be loaded">
        {(schedule) => <Editor schedule={schedule} onSaved={onSaved} />}
      </Loaded>
    </Frame>
  )
}

function Frame({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="mx-auto max-w-3xl px-4 py-6 sm:px-6">
      <Link to="/schedules" className="text-ink-2 text-sm hover:underline">
        Schedules
      </Link>
      <h1 className="mt-1 mb-5 break-words font-semibold text-xl tracking-tight">{title}</h1>
      {children}
    </div>
  )
}

function Editor({
  schedule,
  onSaved,
}: {
  schedule: Schedule | null
  onSaved: (id: string) => void
}) {
  const client = useQueryClient()
  const scripts = useQuery(scriptsQuery)
  // What is written stays what it was begun from, whatever becomes of the schedule meanwhile.
  const [base] = useState(() => (schedule ? draftOf(schedule) : newDraft()))
  const [draft, setDraft] = useState(base)
  const [asked, setAsked] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const set = (change: Partial<ScheduleDraft>) => setDraft({ ...draft, ...change })
  const dirty = JSON.stringify(draft) !== JSON.stringify(base)
  const script = scripts.data?.find(({ id }) => draft.what === `script:${id}`)
  const problems = asked ? problemsOf(draft, script) : {}
  const save = useMutation({
    mutationFn: () => {
      const body = requestOf(draft, script, schedule?.plan)
      return unwrap(
        schedule
          ? api.PUT('/api/v1/schedules/{id}', { params: { path: { id: schedule.id } }, body })
          : api.POST('/api/v1/schedules', { body }),
      )
    },
    onSuccess: (saved) => {
      keep(client, saved)
      toast({ tone: 'ok', title: 'Schedule saved', detail: saved.name })
      onSaved(saved.id)
    },
  })
  useLeaveGuard(dirty && !save.isSuccess && !save.isPending)
  const submit = () => {
    setAsked(true)
    if (Object.keys(problemsOf(draft, script)).length > 0) {
      focusInvalid(form.current)
    } else if (!save.isPending) save.mutate()
  }
  const where = useRested(draft.where)
  const targets = targetsOf(where.how, where.where)
  const meant = useQuery(previewQuery(targets))
  return (
    <form
      ref={form}
      noValidate
      aria-label="Schedule"
      className="flex flex-col gap-5"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <Field label="Name" error={problems.name}>
        {(control) => (
          <Input
            {...control}
            maxLength={128}
            autoComplete="off"
            placeholder="nightly backup"
            value={draft.name}
            onChange={(event) => set({ name: event.target.value })}
          />
        )}
      </Field>
      <When draft={draft} problems={problems} onChange={set} />
      <Field label="What" error={problems.what}>
        {(control) => (
          <Select
            {...control}
            value={draft.what}
            onChange={(event) => set({ what: event.target.value as What, values: {} })}
          >
            {schedule ? <option value="kept">As before: {schedule.plan.command}</option> : null}
            <option value="command">A command</option>
            {(scripts.data ?? []).map((one) => (
              <option key={one.id} value={`script:${one.id}`}>
                Script: {one.name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {draft.what === 'command' ? (
        <Field label="Command" hint="Lines for the host’s shell">
          {(control) => (
            <TextArea
              {...control}
              rows={3}
              value={draft.command}
              onChange={(event) => set({ command: event.target.value })}
            />
          )}
        </Field>
      ) : script ? (
        <ParameterFields
          script={script}
          values={draft.values}
          onChange={(values) => set({ values })}
        />
      ) : null}
      <div className="flex flex-col gap-3">
        <WhereFields value={draft.where} onChange={(where) => set({ where })} />
        {problems.where ? (
          <p role="alert" className="font-medium text-bad text-xs">
            {problems.where}
          </p>
        ) : null}
        {targets ? <Preview query={meant} /> : null}
        <p className="text-ink-3 text-xs">
          A label and a text are looked up anew at each run, and so are your rights.
        </p>
      </div>
      <PaceFields value={draft.pace} onChange={(pace) => set({ pace })} />
      <FormProblem error={save.error} named />
      {schedule ? (
        <p className="text-ink-2 text-xs">
          Saving switches it on, and it runs with your rights from then on.
        </p>
      ) : null}
      <div className="flex flex-wrap items-center gap-3">
        <Button type="submit" variant="primary" busy={save.isPending}>
          {schedule ? 'Save changes' : 'Save schedule'}
        </Button>
        {schedule ? (
          <Link to="/schedules/$id" params={{ id: schedule.id }} className={buttonStyle()}>
            Cancel
          </Link>
        ) : (
          <Link to="/schedules" className={buttonStyle()}>
            Cancel
          </Link>
        )}
        <span role="status" className="text-ink-3 text-xs">
          {dirty ? 'Not saved yet' : ''}
        </span>
      </div>
    </form>
  )
}

function When({
  draft,
  problems,
  onChange,
}: {
  draft: ScheduleDraft
  problems: ReturnType<typeof problemsOf>
  onChange: (change: Partial<ScheduleDraft>) => void
}) {
  const zones = useMemo(knownZones, [])
  const cron = useRested(draft.cron.trim())
  const zone = useRested(draft.zone.trim())
  const next = useQuery(timetableQuery(cron, zone))
  const wrong = next.error instanceof Problem ? next.error : null
  return (
    <>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field
          label="When"
          hint="Minute, hour, day, month, weekday; seconds in front if wanted"
          error={problems.cron ?? wrong?.field('cron')}
        >
          {(control) => (
            <Input
              {...control}
              className="font-mono"
              autoComplete="off"
              spellCheck={false}
              value={draft.cron}
              onChange={(event) => onChange({ cron: event.target.value })}
            />
          )}
        </Field>
        <Field label="Often used">
          {(control) => (
            <Select
              {...control}
              value={OFTEN.some(([line]) => line === draft.cron) ? draft.cron : ''}
              onChange={(event) => event.target.value && onChange({ cron: event.target.value })}
            >
              <option value="">–</option>
              {OFTEN.map(([line, label]) => (
                <option key={line} value={line}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field
          label="Time zone"
          hint="Clocks that go forward or back there are followed"
          error={problems.zone ?? wrong?.field('zone')}
        >
          {(control) => (
            <>
              <Input
                {...control}
                list="time-zones"
                autoComplete="off"
                spellCheck={false}
                value={draft.zone}
                onChange={(event) => onChange({ zone: event.target.value })}
              />
              <datalist id="time-zones">
                {zones.map((name) => (
                  <option key={name} value={name} />
                ))}
              </datalist>
            </>
          )}
        </Field>
        <div className="flex flex-col gap-4">
          <Field label="Missed runs" hint="When nobody could start them in time">
            {(control) => (
              <Select
                {...control}
                value={draft.missed}
                onChange={(event) =>
                  onChange({ missed: event.target.value as ScheduleDraft['missed'] })
                }
              >
                <option value="skip">Leave them out</option>
                <option value="run_once">Make up for all by one run</option>
                <option value="run_all">Make up for each</option>
              </Select>
            )}
          </Field>
          {draft.missed === 'run_all' ? (
            <Field label="At most" hint="The newest ones" error={problems.most}>
              {(control) => (
                <Input
                  {...control}
                  type="number"
                  min={1}
                  max={100}
                  value={draft.most}
                  onChange={(event) => onChange({ most: event.target.value })}
                />
              )}
            </Field>
          ) : null}
        </div>
      </div>
      {next.data ? (
        <section aria-labelledby="runs-ahead" className="rounded-lg border border-line p-3">
          <h2 id="runs-ahead" className="mb-1 font-medium">
            It would run
          </h2>
          <NextRuns next={next.data} zone={zone} />
        </section>
      ) : null}
    </>
  )
}
