/** Which alerts a channel tells of, and when: routing, escalation, reminders, hours. */
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { SEVERITIES, SEVERITY_TEXT } from '@/shared/alerts/severity'
import type { Severity } from '@/shared/api/model'
import { cn } from '@/shared/lib/cn'
import { plural } from '@/shared/lib/format'
import { knownZones } from '@/shared/schedules/moments'
import { Field } from '@/shared/ui/field'
import { Input } from '@/shared/ui/input'
import { Segmented } from '@/shared/ui/segmented'
import { Select } from '@/shared/ui/select'
import { Switch } from '@/shared/ui/switch'
import type { ChannelDraft, ChannelProblems } from './channel-draft'
import { rulesQuery } from './queries'
import { RuleChoice } from './rule-choice'
import { ScopeFields } from './scope-fields'

const LEAST_TEXT: Record<Severity, string> = {
  critical: `${SEVERITY_TEXT.critical} only`,
  warning: `${SEVERITY_TEXT.warning} and worse`,
  info: 'Every alert',
}

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']

interface PartProps {
  draft: ChannelDraft
  problems: ChannelProblems
  onChange: (change: Partial<ChannelDraft>) => void
}

export function ReceivesFields({ draft, problems, onChange }: PartProps) {
  const { data: rules } = useQuery(rulesQuery)
  return (
    <>
      <Field label="How bad" className="sm:max-w-64">
        {(control) => (
          <Select
            {...control}
            value={draft.severity}
            onChange={(event) => onChange({ severity: event.target.value as Severity })}
          >
            {[...SEVERITIES].reverse().map((severity) => (
              <option key={severity} value={severity}>
                {LEAST_TEXT[severity]}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <ScopeFields
        value={draft.scope}
        error={problems.scope}
        allText="All servers that you may see, also those that join later."
        onChange={(scope) => onChange({ scope })}
      />
      {rules && rules.length > 0 ? (
        <RuleChoice
          rules={rules}
          chosen={draft.rules}
          summary={
            draft.rules.length === 0 ? 'Of every rule' : `Of ${plural(draft.rules.length, 'rule')}`
          }
          onChange={(chosen) => onChange({ rules: chosen })}
        />
      ) : null}
      <div className="grid items-start gap-4 sm:grid-cols-2">
        <Field
          label="Only when nobody acknowledges within"
          optional
          hint="Empty: at once. For a second channel, when the first was not heard"
          error={problems.after}
        >
          {(control) => (
            <Input
              {...control}
              className="font-mono"
              autoComplete="off"
              placeholder="15m"
              value={draft.after}
              onChange={(event) => onChange({ after: event.target.value })}
            />
          )}
        </Field>
        <Field
          label="Tell again every"
          optional
          hint="Until it is over or acknowledged. Empty: never"
          error={problems.repeat}
        >
          {(control) => (
            <Input
              {...control}
              className="font-mono"
              autoComplete="off"
              placeholder="1h"
              value={draft.repeat}
              onChange={(event) => onChange({ repeat: event.target.value })}
            />
          )}
        </Field>
      </div>
      <Switch
        label="Also when it is over"
        checked={draft.resolved}
        onChange={(resolved) => onChange({ resolved })}
      />
      <HoursFields draft={draft} problems={problems} onChange={onChange} />
      <p className="text-ink-3 text-xs">
        More than five messages within ten seconds become one that lists the alerts.
      </p>
    </>
  )
}

function HoursFields({ draft, problems, onChange }: PartProps) {
  const zones = useMemo(knownZones, [])
  return (
    <>
      <div className="flex flex-col gap-1.5">
        <span className="font-medium">Hours</span>
        <Segmented
          label="Hours"
          className="self-start"
          value={draft.always ? 'always' : 'some'}
          options={[
            { value: 'always', label: 'Day and night' },
            { value: 'some', label: 'Only at some hours' },
          ]}
          onChange={(value) => onChange({ always: value === 'always' })}
        />
      </div>
      {draft.always ? null : (
        <div className="grid items-start gap-4 sm:grid-cols-[1fr_9rem_9rem_11rem]">
          <fieldset className="flex flex-col gap-1.5">
            <legend className="mb-1.5 font-medium">Days</legend>
            <div className="flex flex-wrap gap-1">
              {DAYS.map((name, index) => {
                const day = index + 1
                const on = draft.days.includes(day)
                return (
                  <label
                    key={name}
                    className={cn(
                      'grid h-9 min-w-10 cursor-pointer place-items-center rounded-md border px-1.5 text-sm has-focus-visible:outline-2 has-focus-visible:outline-accent touch:h-11',
                      on
                        ? 'border-accent bg-accent-soft font-medium text-ink'
                        : 'border-line-strong text-ink-2',
                    )}
                  >
                    <input
                      type="checkbox"
                      className="sr-only"
                      aria-label={name}
                      checked={on}
                      onChange={() =>
                        onChange({
                          days: on ? draft.days.filter((one) => one !== day) : [...draft.days, day],
                        })
                      }
                    />
                    {name.slice(0, 3)}
                  </label>
                )
              })}
            </div>
            {problems.days ? <p className="font-medium text-bad text-xs">{problems.days}</p> : null}
          </fieldset>
          {(['opens', 'closes'] as const).map((name) => (
            <Field
              key={name}
              label={name === 'opens' ? 'From' : 'Until'}
              error={problems[name]}
              hint={name === 'closes' ? '00:00: to the end of the day' : undefined}
            >
              {(control) => (
                <Input
                  {...control}
                  type="time"
                  value={draft[name]}
                  onChange={(event) => onChange({ [name]: event.target.value })}
                />
              )}
            </Field>
          ))}
          <Field label="Time zone" error={problems.zone}>
            {(control) => (
              <>
                <Input
                  {...control}
                  list="channel-zones"
                  autoComplete="off"
                  spellCheck={false}
                  value={draft.zone}
                  onChange={(event) => onChange({ zone: event.target.value })}
                />
                <datalist id="channel-zones">
                  {zones.map((name) => (
                    <option key={name} value={name} />
                  ))}
                </datalist>
              </>
            )}
          </Field>
        </div>
      )}
      {draft.always ? null : (
        <p className="text-ink-2 text-sm">What is still open when they begin is told then.</p>
      )}
    </>
  )
}
