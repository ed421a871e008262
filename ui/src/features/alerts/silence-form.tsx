/** Asks for a silence: why, on which servers, of which rules, when; with what it is about before it is made. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { TriangleAlert } from 'lucide-react'
import { useMemo, useRef, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import { Problem } from '@/shared/api/problem'
import { useFleetSnapshot } from '@/shared/fleet/fleet'
import { focusInvalid } from '@/shared/lib/focus-invalid'
import { plural } from '@/shared/lib/format'
import { serverNow } from '@/shared/lib/now'
import { useRested } from '@/shared/lib/rested'
import { knownZones, ownZone } from '@/shared/schedules/moments'
import { NextRuns } from '@/shared/schedules/next-runs'
import { timetableQuery } from '@/shared/schedules/timetable-query'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { Field } from '@/shared/ui/field'
import { FormProblem } from '@/shared/ui/form-problem'
import { Input } from '@/shared/ui/input'
import { Segmented } from '@/shared/ui/segmented'
import { Select } from '@/shared/ui/select'
import { toast } from '@/shared/ui/toast'
import { openAlertsQuery, rulesQuery } from './queries'
import { RuleChoice } from './rule-choice'
import { isIn, ScopeFields } from './scope-fields'
import {
  localText,
  QUICK,
  type Quick,
  type SilenceDraft,
  scopeOf,
  silenceProblems,
  timesOf,
} from './silence-draft'

const MANY = 100

function begin(server: string | undefined, rule: string | undefined): SilenceDraft {
  const now = serverNow()
  return {
    reason: '',
    scope: server ? { how: 'servers', servers: [server] } : { how: 'servers', servers: [] },
    rules: rule ? [rule] : [],
    when: 'once',
    quick: '30m',
    from: localText(now),
    until: localText(now + 3_600_000),
    cron: '0 3 * * 0',
    zone: ownZone(),
    stretch: '2h',
  }
}

export default function SilenceForm({
  server,
  rule,
  onClose,
}: {
  server: string | undefined
  rule: string | undefined
  onClose: () => void
}) {
  const client = useQueryClient()
  const [draft, setDraft] = useState(() => begin(server, rule))
  const [asked, setAsked] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const first = useRef<HTMLInputElement>(null)
  const set = (change: Partial<SilenceDraft>) => setDraft((before) => ({ ...before, ...change }))
  const problems = asked ? silenceProblems(draft, serverNow()) : {}
  const save = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST('/api/v1/alerts/silences', {
          body: {
            reason: draft.reason.trim(),
            scope: scopeOf(draft.scope) ?? { servers: [] },
            rules: [...draft.rules],
            times: timesOf(draft, serverNow()),
          },
        }),
      ),
    onSuccess: (silence) => {
      toast({
        tone: 'ok',
        title: 'Silence made',
        detail: `About ${plural(silence.matches.servers, 'server')}, ${plural(silence.matches.open_alerts, 'open alert')}`,
      })
      void client.invalidateQueries({ queryKey: ['alerts'] })
      onClose()
    },
  })
  const refused = save.error instanceof Problem ? save.error : null
  const submit = () => {
    setAsked(true)
    if (Object.keys(silenceProblems(draft, serverNow())).length > 0) focusInvalid(form.current)
    else if (!save.isPending) save.mutate()
  }
  return (
    <Dialog
      open
      onOpenChange={(open) => open || save.isPending || onClose()}
      title="New silence"
      description="Alerts are raised and kept all the same; nobody is told of them."
      className="max-w-2xl"
      initialFocus={first}
      footer={
        <>
          <Button disabled={save.isPending} onClick={onClose}>
            Cancel
          </Button>
          <Button variant="primary" busy={save.isPending} onClick={submit}>
            Make the silence
          </Button>
        </>
      }
    >
      <form
        ref={form}
        noValidate
        aria-label="Silence"
        className="flex flex-col gap-5"
        onSubmit={(event) => {
          event.preventDefault()
          submit()
        }}
      >
        <Field label="Why" error={problems.reason ?? refused?.field('reason')}>
          {(control) => (
            <Input
              {...control}
              ref={first}
              maxLength={128}
              autoComplete="off"
              placeholder="new disks"
              value={draft.reason}
              onChange={(event) => set({ reason: event.target.value })}
            />
          )}
        </Field>
        <ScopeFields
          value={draft.scope}
          error={problems.scope}
          allText="All servers whose alerts you may handle, also those that join later."
          onChange={(scope) => set({ scope })}
        />
        <Rules chosen={draft.rules} onChange={(rules) => set({ rules })} />
        <Segmented
          label="How often"
          className="self-start"
          value={draft.when}
          options={[
            { value: 'once', label: 'Once' },
            { value: 'recurring', label: 'Again and again' },
          ]}
          onChange={(when) => set({ when })}
        />
        {draft.when === 'once' ? (
          <Once draft={draft} problems={problems} onChange={set} />
        ) : (
          <Recurring draft={draft} problems={problems} onChange={set} />
        )}
        <About draft={draft} />
        {save.isError ? <FormProblem error={save.error} /> : null}
      </form>
    </Dialog>
  )
}

interface PartProps {
  draft: SilenceDraft
  problems: ReturnType<typeof silenceProblems>
  onChange: (change: Partial<SilenceDraft>) => void
}

function Once({ draft, problems, onChange }: PartProps) {
  return (
    <>
      <Field label="For how long">
        {(control) => (
          <Select
            {...control}
            value={draft.quick}
            onChange={(event) => onChange({ quick: event.target.value as Quick })}
          >
            {QUICK.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {draft.quick === 'custom' ? (
        <div className="grid gap-4 sm:grid-cols-2">
          {(['from', 'until'] as const).map((name) => (
            <Field key={name} label={name === 'from' ? 'From' : 'Until'} error={problems[name]}>
              {(control) => (
                <Input
                  {...control}
                  type="datetime-local"
                  value={draft[name]}
                  onChange={(event) => onChange({ [name]: event.target.value })}
                />
              )}
            </Field>
          ))}
        </div>
      ) : null}
    </>
  )
}

function Recurring({ draft, problems, onChange }: PartProps) {
  const zones = useMemo(knownZones, [])
  const cron = useRested(draft.cron.trim())
  const zone = useRested(draft.zone.trim())
  const next = useQuery(timetableQuery(cron, zone))
  const wrong = next.error instanceof Problem ? next.error : null
  return (
    <>
      <div className="grid gap-4 sm:grid-cols-3">
        <Field
          label="Begins"
          hint="Minute, hour, day, month, weekday"
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
        <Field label="Time zone" error={problems.zone ?? wrong?.field('zone')}>
          {(control) => (
            <>
              <Input
                {...control}
                list="silence-zones"
                autoComplete="off"
                spellCheck={false}
                value={draft.zone}
                onChange={(event) => onChange({ zone: event.target.value })}
              />
              <datalist id="silence-zones">
                {zones.map((name) => (
                  <option key={name} value={name} />
                ))}
              </datalist>
            </>
          )}
        </Field>
        <Field label="Each for" error={problems.stretch} hint="A minute to a day">
          {(control) => (
            <Input
              {...control}
              className="font-mono"
              autoComplete="off"
              value={draft.stretch}
              onChange={(event) => onChange({ stretch: event.target.value })}
            />
          )}
        </Field>
      </div>
      {next.data ? (
        <section aria-label="It would begin" className="rounded-lg border border-line p-3">
          <h3 className="mb-1 font-medium">It would begin</h3>
          <NextRuns next={next.data} zone={zone} />
        </section>
      ) : null}
    </>
  )
}

function Rules({
  chosen,
  onChange,
}: {
  chosen: readonly string[]
  onChange: (rules: readonly string[]) => void
}) {
  const { data: rules } = useQuery(rulesQuery)
  if (!rules || rules.length === 0) return null
  return (
    <RuleChoice
      rules={rules}
      chosen={chosen}
      summary={chosen.length === 0 ? 'Of every rule' : `Of ${plural(chosen.length, 'rule')}`}
      onChange={onChange}
    />
  )
}

/** What it would be about now, before it is made. */
function About({ draft }: { draft: SilenceDraft }) {
  const { rows } = useFleetSnapshot()
  const { data: open } = useQuery(openAlertsQuery)
  const meant = new Set(
    rows.filter(({ server }) => isIn(draft.scope, server)).map(({ server }) => server.id),
  )
  const alerts = (open ?? []).filter(
    (alert) =>
      meant.has(alert.server_id) &&
      (draft.rules.length === 0 || draft.rules.includes(alert.rule_id)),
  ).length
  const broad = meant.size > MANY || (meant.size > 1 && meant.size * 2 > rows.length)
  return (
    <div role="status" className="rounded-lg border border-line bg-sunken p-3 text-sm">
      About {plural(meant.size, 'server')}, {plural(alerts, 'open alert')} now.
      {broad ? (
        <p className="mt-1 flex items-start gap-1.5 text-warn">
          <TriangleAlert className="mt-0.5 size-4 shrink-0" aria-hidden="true" />
          {meant.size === rows.length
            ? 'These are all the servers that you see. Nobody would hear of anything.'
            : `These are ${meant.size} of the ${rows.length} servers that you see.`}
        </p>
      ) : null}
    </div>
  )
}
