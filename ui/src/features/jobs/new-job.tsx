/** Starts a job: what, where, how carefully; with the servers that are meant before anything runs. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { Script } from '@/shared/api/model'
import { plural } from '@/shared/lib/format'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { Field } from '@/shared/ui/field'
import { Input } from '@/shared/ui/input'
import { Select } from '@/shared/ui/select'
import { toastProblem } from '@/shared/ui/toast'
import { scriptsQuery } from './jobs-query'
import { Preview } from './preview'
import { targetsOf } from './targets'

export default function NewJob({
  onClose,
  onStarted,
  ids,
}: {
  onClose: () => void
  onStarted: (id: string) => void
  /** Servers that were chosen somewhere else. */
  ids?: string[]
}) {
  const client = useQueryClient()
  const scripts = useQuery(scriptsQuery)
  const [name, setName] = useState('')
  const [command, setCommand] = useState('')
  const [scriptId, setScriptId] = useState('')
  const [values, setValues] = useState<Record<string, string>>({})
  const [how, setHow] = useState(ids ? 'ids' : 'tag')
  const [where, setWhere] = useState(ids?.join(' ') ?? '')
  const [concurrency, setConcurrency] = useState('10')
  const [canary, setCanary] = useState('0')
  const [stopAfter, setStopAfter] = useState('0')
  const targets = targetsOf(how, where)
  const script = scripts.data?.find((one) => one.id === scriptId)
  const preview = useQuery({
    queryKey: ['jobs', 'preview', targets],
    enabled: targets !== null,
    retry: false,
    queryFn: ({ signal }) =>
      unwrap(api.POST('/api/v1/jobs/preview', { body: { targets: targets ?? {} }, signal })),
  })
  const start = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST('/api/v1/jobs', {
          body: {
            name: name.trim() || undefined,
            targets: targets ?? {},
            run: script
              ? { script: { id: script.id, values: given(script, values) } }
              : { command },
            pace: {
              concurrency: Number(concurrency),
              canary: Number(canary),
              stop_after: Number(stopAfter),
            },
          },
        }),
      ),
    onSuccess: (job) => {
      void client.invalidateQueries({ queryKey: ['jobs', 'list'] })
      onClose()
      onStarted(job.id)
    },
    onError: (error) => toastProblem('The job was not started', error),
  })
  const servers = preview.data?.servers ?? []
  const ready =
    (script !== undefined || command.trim() !== '') &&
    servers.length > 0 &&
    servers.every((server) => server.allowed)
  return (
    <Dialog
      open
      onOpenChange={(open) => open || onClose()}
      title="New job"
      description="Runs on every server that is meant, a few at a time."
      className="max-w-2xl"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            variant="primary"
            disabled={!ready}
            busy={start.isPending}
            onClick={() => start.mutate()}
          >
            {servers.length > 0 ? `Run on ${plural(servers.length, 'server', 'servers')}` : 'Run'}
          </Button>
        </>
      }
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          if (ready && !start.isPending) start.mutate()
        }}
      >
        {scripts.data && scripts.data.length > 0 ? (
          <Field label="What">
            {(control) => (
              <Select
                {...control}
                value={scriptId}
                onChange={(event) => setScriptId(event.target.value)}
              >
                <option value="">A command</option>
                {scripts.data.map((one) => (
                  <option key={one.id} value={one.id}>
                    Script: {one.name}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        ) : null}
        {script ? (
          <Parameters script={script} values={values} onChange={setValues} />
        ) : (
          <Field label="Command" hint="A line for the host's shell">
            {(control) => (
              <Input
                {...control}
                className="font-mono"
                autoComplete="off"
                spellCheck={false}
                value={command}
                onChange={(event) => setCommand(event.target.value)}
              />
            )}
          </Field>
        )}
        <div className="grid gap-4 sm:grid-cols-[10rem_1fr]">
          <Field label="Where">
            {(control) => (
              <Select {...control} value={how} onChange={(event) => setHow(event.target.value)}>
                <option value="tag">With the label</option>
                <option value="query">Named like</option>
                <option value="ids">These servers</option>
              </Select>
            )}
          </Field>
          <Field
            label={how === 'tag' ? 'Label' : how === 'query' ? 'Text' : 'Server ids'}
            hint={how === 'ids' ? 'Separated by spaces' : undefined}
          >
            {(control) => (
              <Input
                {...control}
                autoComplete="off"
                value={where}
                onChange={(event) => setWhere(event.target.value)}
              />
            )}
          </Field>
        </div>
        {targets ? <Preview query={preview} /> : null}
        <div className="grid gap-4 sm:grid-cols-3">
          <Amount label="At the same time" value={concurrency} min={1} onChange={setConcurrency} />
          <Amount
            label="First alone"
            hint="The others follow if these succeed"
            value={canary}
            min={0}
            onChange={setCanary}
          />
          <Amount
            label="Stop after failures"
            hint="0: never"
            value={stopAfter}
            min={0}
            onChange={setStopAfter}
          />
        </div>
        <Field label="Name" optional>
          {(control) => (
            <Input
              {...control}
              maxLength={128}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
      </form>
    </Dialog>
  )
}

/** Only what was filled in: an empty field means the default. */
const given = (script: Script, values: Record<string, string>) =>
  Object.fromEntries(
    script.parameters
      .map((parameter) => [parameter.name, values[parameter.name] ?? ''] as const)
      .filter(([, value]) => value !== ''),
  )

function Parameters({
  script,
  values,
  onChange,
}: {
  script: Script
  values: Record<string, string>
  onChange: (values: Record<string, string>) => void
}) {
  return script.parameters.map((parameter) => {
    const set = (value: string) => onChange({ ...values, [parameter.name]: value })
    const choices = parameter.kind === 'flag' ? ['true', 'false'] : (parameter.choices ?? [])
    return (
      <Field
        key={parameter.name}
        label={parameter.name}
        hint={parameter.description}
        optional={!parameter.required}
      >
        {(control) =>
          choices.length > 0 ? (
            <Select
              {...control}
              value={values[parameter.name] ?? parameter.default ?? ''}
              onChange={(event) => set(event.target.value)}
            >
              <option value="">–</option>
              {choices.map((choice) => (
                <option key={choice}>{choice}</option>
              ))}
            </Select>
          ) : (
            <Input
              {...control}
              type={parameter.kind === 'secret' ? 'password' : 'text'}
              autoComplete="off"
              placeholder={parameter.default}
              value={values[parameter.name] ?? ''}
              onChange={(event) => set(event.target.value)}
            />
          )
        }
      </Field>
    )
  })
}

function Amount({
  label,
  hint,
  value,
  min,
  onChange,
}: {
  label: string
  hint?: string
  value: string
  min: number
  onChange: (value: string) => void
}) {
  return (
    <Field label={label} hint={hint}>
      {(control) => (
        <Input
          {...control}
          type="number"
          min={min}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  )
}
