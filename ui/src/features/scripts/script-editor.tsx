/** Writes a script: a new one, or the next version of one that is there. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useRef, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { Script } from '@/shared/api/model'
import { focusInvalid } from '@/shared/lib/focus-invalid'
import { useLeaveGuard } from '@/shared/lib/leave-guard'
import { Button, buttonStyle } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { FormProblem } from '@/shared/ui/form-problem'
import { Input } from '@/shared/ui/input'
import { Loaded } from '@/shared/ui/loaded'
import { Segmented } from '@/shared/ui/segmented'
import { Switch } from '@/shared/ui/switch'
import { TextArea } from '@/shared/ui/text-area'
import { toast } from '@/shared/ui/toast'
import { draftOf, EMPTY, problemsOf, requestOf, type ScriptDraft } from './draft'
import { ParameterRows } from './parameter-rows'
import { scriptQuery } from './queries'

export function NewScriptPage({ onSaved }: { onSaved: (id: string) => void }) {
  return (
    <Frame title="New script">
      <Editor script={null} onSaved={onSaved} />
    </Frame>
  )
}

export function EditScriptPage({ id, onSaved }: { id: string; onSaved: (id: string) => void }) {
  const query = useQuery(scriptQuery(id))
  return (
    <Frame title={query.data ? `Edit ${query.data.name}` : 'Edit a script'}>
      <Loaded query={query} what="The script could not be loaded">
        {(script) =>
          script.argv?.some((word) => word.includes('\n')) ? (
            <p className="text-ink-2">
              One of its arguments has several lines. Such a script is changed through the API.
            </p>
          ) : (
            <Editor script={script} onSaved={onSaved} />
          )
        }
      </Loaded>
    </Frame>
  )
}

function Frame({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <div className="mx-auto max-w-3xl px-4 py-6 sm:px-6">
      <Link to="/scripts" className="text-ink-2 text-sm hover:underline">
        Scripts
      </Link>
      <h1 className="mt-1 mb-5 break-words font-semibold text-xl tracking-tight">{title}</h1>
      {children}
    </div>
  )
}

function Editor({ script, onSaved }: { script: Script | null; onSaved: (id: string) => void }) {
  const client = useQueryClient()
  // What is written stays what it was begun from, also when somebody else saves meanwhile.
  const [base] = useState(() => (script ? draftOf(script) : EMPTY))
  const [draft, setDraft] = useState(base)
  const [asked, setAsked] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const set = (change: Partial<ScriptDraft>) => setDraft({ ...draft, ...change })
  const dirty = JSON.stringify(draft) !== JSON.stringify(base)
  const problems = asked ? problemsOf(draft) : {}
  const save = useMutation({
    mutationFn: () => {
      const body = requestOf(draft)
      return unwrap(
        script
          ? api.PUT('/api/v1/scripts/{id}', { params: { path: { id: script.id } }, body })
          : api.POST('/api/v1/scripts', { body }),
      )
    },
    onSuccess: (saved) => {
      client.setQueryData(scriptQuery(saved.id).queryKey, saved)
      void client.invalidateQueries({ queryKey: ['scripts'], exact: true })
      toast({ tone: 'ok', title: 'Script saved', detail: saved.name })
      onSaved(saved.id)
    },
  })
  useLeaveGuard(dirty && !save.isSuccess && !save.isPending)
  const submit = () => {
    setAsked(true)
    if (Object.keys(problemsOf(draft)).length > 0) {
      focusInvalid(form.current)
    } else if (!save.isPending) save.mutate()
  }
  return (
    <form
      ref={form}
      noValidate
      aria-label="Script"
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
            placeholder="deploy"
            value={draft.name}
            onChange={(event) => set({ name: event.target.value })}
          />
        )}
      </Field>
      <Field label="Description" optional>
        {(control) => (
          <Input
            {...control}
            value={draft.description}
            onChange={(event) => set({ description: event.target.value })}
          />
        )}
      </Field>
      <div>
        <div className="mb-1.5">
          <Segmented
            label="How it is run"
            value={draft.how}
            options={[
              { value: 'shell', label: 'Shell' },
              { value: 'program', label: 'Program' },
            ]}
            onChange={(how) => set({ how })}
          />
        </div>
        {draft.how === 'shell' ? (
          <Field
            label="Script"
            hint={'Lines for the host’s shell. Parameters are variables: write "$RELEASE".'}
            error={problems.program}
          >
            {(control) => (
              <TextArea
                {...control}
                rows={10}
                value={draft.command}
                onChange={(event) => set({ command: event.target.value })}
              />
            )}
          </Field>
        ) : (
          <Field
            label="Program and arguments"
            hint="One a line; no shell looks at them"
            error={problems.program}
          >
            {(control) => (
              <TextArea
                {...control}
                rows={5}
                value={draft.argv}
                onChange={(event) => set({ argv: event.target.value })}
              />
            )}
          </Field>
        )}
      </div>
      <section aria-labelledby="script-parameters">
        <h2 id="script-parameters" className="mb-2 font-medium">
          Parameters
        </h2>
        <ParameterRows
          parameters={draft.parameters}
          problems={problems}
          onChange={(parameters) => set({ parameters })}
        />
      </section>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Folder" optional hint="Where it is run">
          {(control) => (
            <Input
              {...control}
              className="font-mono"
              autoComplete="off"
              spellCheck={false}
              value={draft.folder}
              onChange={(event) => set({ folder: event.target.value })}
            />
          )}
        </Field>
        <Field label="May run for" hint="Seconds; then it is ended" error={problems.seconds}>
          {(control) => (
            <Input
              {...control}
              type="number"
              min={1}
              max={86_400}
              value={draft.seconds}
              onChange={(event) => set({ seconds: event.target.value })}
            />
          )}
        </Field>
      </div>
      <Switch
        label="Each run needs another person"
        hint="Nothing is run before somebody else with the right has approved it."
        checked={draft.needsApproval}
        onChange={(needsApproval) => set({ needsApproval })}
      />
      <FormProblem error={save.error} named />
      <div className="flex flex-wrap items-center gap-3">
        <Button type="submit" variant="primary" busy={save.isPending}>
          {script ? 'Save as a new version' : 'Save script'}
        </Button>
        {script ? (
          <Link to="/scripts/$id" params={{ id: script.id }} className={buttonStyle()}>
            Cancel
          </Link>
        ) : (
          <Link to="/scripts" className={buttonStyle()}>
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
