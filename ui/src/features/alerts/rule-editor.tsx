/** Writes a rule, and shows what it would have done before it tells anybody. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useRef, useState } from 'react'
import { SEVERITIES, SEVERITY_HINT, SEVERITY_TEXT } from '@/shared/alerts/severity'
import { api, unwrap } from '@/shared/api/client'
import type { AlertRule, Severity } from '@/shared/api/model'
import { useFleet } from '@/shared/fleet/fleet'
import { focusInvalid } from '@/shared/lib/focus-invalid'
import { useLeaveGuard } from '@/shared/lib/leave-guard'
import { usePageTitle } from '@/shared/lib/page-title'
import { Button, buttonStyle } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { FormProblem } from '@/shared/ui/form-problem'
import { Input } from '@/shared/ui/input'
import { Loaded } from '@/shared/ui/loaded'
import { Select } from '@/shared/ui/select'
import { Switch } from '@/shared/ui/switch'
import { TextArea } from '@/shared/ui/text-area'
import { toast } from '@/shared/ui/toast'
import { ConditionFields, useWording } from './condition-fields'
import { ruleQuery, rulesQuery } from './queries'
import { newRule, type RuleDraft, ruleDraftOf, ruleProblems, ruleRequest } from './rule-draft'
import { useDeleteRule } from './rules-page'
import { ScopeFields } from './scope-fields'
import { isFact, withWait } from './simple'
import { TrialPanel } from './trial-panel'
import { Versions } from './versions'

export function NewRulePage({ onSaved }: { onSaved: () => void }) {
  usePageTitle('New alert rule')
  return (
    <Frame title="New alert rule">
      <Editor rule={null} onSaved={onSaved} />
    </Frame>
  )
}

export function RulePage({ id, onSaved }: { id: string; onSaved: () => void }) {
  const query = useQuery(ruleQuery(id))
  usePageTitle(query.data?.name ?? 'Alert rule')
  return (
    <Frame title={query.data?.name ?? 'Alert rule'}>
      <Loaded query={query} what="The rule could not be loaded">
        {(rule) => (
          <>
            <Editor key={rule.version} rule={rule} onSaved={onSaved} />
            <Versions rule={rule} />
          </>
        )}
      </Loaded>
    </Frame>
  )
}

function Frame({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="mx-auto max-w-4xl px-4 py-6 sm:px-6">
      <Link to="/alerts/rules" className="text-ink-2 text-sm hover:underline">
        Alert rules
      </Link>
      <h1 className="mt-1 mb-5 break-words font-semibold text-xl tracking-tight">{title}</h1>
      {children}
    </div>
  )
}

function Editor({ rule, onSaved }: { rule: AlertRule | null; onSaved: () => void }) {
  const client = useQueryClient()
  useFleet()
  const [base] = useState(() => (rule ? ruleDraftOf(rule) : newRule()))
  const [draft, setDraft] = useState(base)
  const [asked, setAsked] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const set = (change: Partial<RuleDraft>) => setDraft((before) => ({ ...before, ...change }))
  const { problem, settled, parsed } = useWording(draft.wording)
  const problems = asked ? ruleProblems(draft) : {}
  const dirty = JSON.stringify(draft) !== JSON.stringify(base)
  const save = useMutation({
    mutationFn: () => {
      const body = ruleRequest(draft)
      return unwrap(
        rule
          ? api.PUT('/api/v1/alerts/rules/{id}', {
              params: { path: { id: rule.id } },
              // Somebody else's change meanwhile is not written over.
              body: { ...body, version: rule.version },
            })
          : api.POST('/api/v1/alerts/rules', { body }),
      )
    },
    onSuccess: (saved) => {
      client.setQueryData(ruleQuery(saved.id).queryKey, saved)
      void client.invalidateQueries({ queryKey: rulesQuery.queryKey })
      toast({ tone: 'ok', title: 'Rule saved', detail: saved.name })
      onSaved()
    },
  })
  const remove = useDeleteRule(onSaved)
  useLeaveGuard(dirty && !save.isSuccess && !save.isPending && !remove.isSuccess)
  const submit = () => {
    setAsked(true)
    if (Object.keys(ruleProblems(draft)).length > 0 || problem) focusInvalid(form.current)
    else if (!save.isPending) save.mutate()
  }
  return (
    <form
      ref={form}
      noValidate
      aria-label="Alert rule"
      className="flex flex-col gap-5"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <div className="grid gap-4 sm:grid-cols-[1fr_12rem]">
        <Field label="Name" error={problems.name}>
          {(control) => (
            <Input
              {...control}
              maxLength={128}
              autoComplete="off"
              placeholder="Disk almost full"
              value={draft.name}
              onChange={(event) => set({ name: event.target.value })}
            />
          )}
        </Field>
        <Field label="Severity" hint={SEVERITY_HINT[draft.severity]}>
          {(control) => (
            <Select
              {...control}
              value={draft.severity}
              onChange={(event) => set({ severity: event.target.value as Severity })}
            >
              {SEVERITIES.map((severity) => (
                <option key={severity} value={severity}>
                  {SEVERITY_TEXT[severity]}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </div>
      <ConditionFields
        wording={draft.wording}
        error={problems.wording}
        onChange={(next) => set({ wording: next })}
      />
      <ScopeFields
        value={draft.scope}
        error={problems.scope}
        allText="All servers whose rules you may change, also those that join later."
        onChange={(scope) => set({ scope })}
      />
      <Field label="What to do about it" optional hint="Whoever is told reads this">
        {(control) => (
          <TextArea
            {...control}
            rows={3}
            maxLength={2000}
            className="font-sans"
            value={draft.note}
            onChange={(event) => set({ note: event.target.value })}
          />
        )}
      </Field>
      <Switch
        label="On"
        hint="A rule that is off raises nothing; its open alerts are over."
        checked={draft.enabled}
        onChange={(enabled) => set({ enabled })}
      />
      <TrialPanel
        wording={draft.wording.trim()}
        scope={draft.scope}
        ready={settled}
        fact={isFact(parsed?.when)}
        onWait={(ms) => set({ wording: withWait(draft.wording, ms) })}
      />
      {save.isError ? <FormProblem error={save.error} /> : null}
      <div className="flex flex-wrap items-center gap-3">
        <Button type="submit" variant="primary" busy={save.isPending}>
          Save rule
        </Button>
        <Link to="/alerts/rules" className={buttonStyle()}>
          Cancel
        </Link>
        {rule ? (
          <Button variant="dangerQuiet" busy={remove.isPending} onClick={() => remove.mutate(rule)}>
            Delete
          </Button>
        ) : null}
        <span role="status" className="text-ink-3 text-xs">
          {dirty ? 'Not saved yet' : ''}
        </span>
      </div>
    </form>
  )
}
