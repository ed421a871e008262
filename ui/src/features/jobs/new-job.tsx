/** Starts a job: what, where, how carefully; with the servers that are meant before anything runs. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import { CAREFUL, PaceFields, paceOf } from '@/shared/jobs/pace-fields'
import { ParameterFields } from '@/shared/jobs/parameter-fields'
import { Preview } from '@/shared/jobs/preview'
import { previewQuery } from '@/shared/jobs/preview-query'
import { scriptsQuery } from '@/shared/jobs/scripts-query'
import { targetsOf } from '@/shared/jobs/targets'
import { type Values, valuesGiven, valuesMissing } from '@/shared/jobs/values'
import { WhereFields } from '@/shared/jobs/where-fields'
import { plural } from '@/shared/lib/format'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { Field } from '@/shared/ui/field'
import { Input } from '@/shared/ui/input'
import { Select } from '@/shared/ui/select'
import { toastProblem } from '@/shared/ui/toast'

export default function NewJob({
  onClose,
  onStarted,
  ids,
  scriptId: given,
}: {
  onClose: () => void
  onStarted: (id: string) => void
  /** Servers that were chosen somewhere else. */
  ids?: string[]
  /** The script that was chosen somewhere else. */
  scriptId?: string
}) {
  const client = useQueryClient()
  const scripts = useQuery(scriptsQuery)
  const [name, setName] = useState('')
  const [command, setCommand] = useState('')
  const [scriptId, setScriptId] = useState(given ?? '')
  const [values, setValues] = useState<Values>({})
  const [where, setWhere] = useState({ how: ids ? 'ids' : 'tag', where: ids?.join(' ') ?? '' })
  const [pace, setPace] = useState(CAREFUL)
  const targets = targetsOf(where.how, where.where)
  const script = scripts.data?.find((one) => one.id === scriptId)
  const preview = useQuery(previewQuery(targets))
  const start = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST('/api/v1/jobs', {
          body: {
            name: name.trim() || undefined,
            targets: targets ?? {},
            run: script
              ? { script: { id: script.id, values: valuesGiven(script, values) } }
              : { command },
            pace: paceOf(pace),
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
    (script ? valuesMissing(script, values).length === 0 : command.trim() !== '') &&
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
          <ParameterFields script={script} values={values} onChange={setValues} />
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
        <WhereFields value={where} onChange={setWhere} />
        {targets ? <Preview query={preview} /> : null}
        <PaceFields value={pace} onChange={setPace} />
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
