import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { accept, api, unwrap } from '@/shared/api/client'
import type { Server } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import { fleet } from '@/shared/fleet/fleet'
import { forgetServer } from '@/shared/lib/prefs'
import { ServerFields, type ServerForm, serverFormOf, tagsOf } from '@/shared/servers/server-fields'
import { serverQuery } from '@/shared/servers/server-query'
import { Button } from '@/shared/ui/button'
import { Confirm } from '@/shared/ui/confirm'
import { SettingsSection } from '@/shared/ui/settings-section'
import { toast, toastProblem } from '@/shared/ui/toast'
import { ApprovalSwitch } from './approval-switch'
import { Permits } from './permits'

export function ServerSettings({
  server,
  keys,
  onDeleted,
}: {
  server: Server
  keys: ReactNode
  onDeleted: () => void
}) {
  const client = useQueryClient()
  const [form, setForm] = useState<ServerForm>(() => serverFormOf(server))
  const [deleting, setDeleting] = useState(false)
  const saved = serverFormOf(server)
  const dirty = JSON.stringify(form) !== JSON.stringify(saved)

  const save = useMutation({
    mutationFn: () =>
      unwrap(
        api.PATCH('/api/v1/servers/{id}', {
          params: { path: { id: server.id } },
          body: {
            name: form.name.trim(),
            tags: tagsOf(form.tags),
            interval_ms: Number(form.interval) * 1_000,
          },
        }),
      ),
    onSuccess: (next) => {
      client.setQueryData(serverQuery(server.id).queryKey, next)
      fleet.put(next)
      setForm(serverFormOf(next))
      toast({ tone: 'ok', title: 'Saved', detail: next.name })
    },
    onError: (error) => {
      if (!(error instanceof Problem && error.fields.length > 0)) toastProblem('Not saved', error)
    },
  })

  return (
    <div className="mt-5 flex max-w-3xl flex-col gap-8">
      <SettingsSection title="Server" hint="What it is called and how often it sends readings.">
        <form
          className="flex flex-col gap-4"
          onSubmit={(event) => {
            event.preventDefault()
            if (dirty && !save.isPending) save.mutate()
          }}
        >
          <ServerFields
            form={form}
            onChange={setForm}
            problem={save.error instanceof Problem ? save.error : null}
          />
          <div className="flex items-center gap-3">
            <Button type="submit" variant="primary" disabled={!dirty} busy={save.isPending}>
              Save changes
            </Button>
            {dirty ? (
              <Button variant="quiet" onClick={() => setForm(saved)}>
                Discard
              </Button>
            ) : null}
            <span role="status" className="text-ink-3 text-xs">
              {dirty ? 'Not saved yet' : ''}
            </span>
          </div>
        </form>
      </SettingsSection>
      {server.agent ? (
        <SettingsSection
          title="What the host allows"
          hint="Decided on the host alone: by the agent’s settings, or for a while by chatops-agent grant."
        >
          <Permits agent={server.agent} />
        </SettingsSection>
      ) : null}
      <SettingsSection title="Approval" hint="Two people for what runs here, both on the record.">
        <ApprovalSwitch server={server} />
      </SettingsSection>
      <SettingsSection
        title="API keys"
        hint="An agent proves with a key that it speaks for this server. A key is shown once."
      >
        {keys}
      </SettingsSection>
      <SettingsSection title="Danger zone" hint="What cannot be taken back.">
        <div className="flex flex-wrap items-center justify-between gap-3 rounded-lg border border-line p-4">
          <div>
            <p className="font-medium">Delete this server</p>
            <p className="text-ink-2 text-xs">Its keys stop working and its figures are gone.</p>
          </div>
          <Button variant="dangerQuiet" onClick={() => setDeleting(true)}>
            Delete {server.name}
          </Button>
        </div>
      </SettingsSection>
      <Confirm
        open={deleting}
        onOpenChange={setDeleting}
        title={`Delete ${server.name}?`}
        action={`Delete ${server.name}`}
        typeToConfirm={server.name}
        effects={
          <ul className="list-disc pl-5">
            <li>All its keys are revoked, and its agent is disconnected.</li>
            <li>Its charts and its history disappear from here.</li>
            <li>The agent itself stays installed on the host.</li>
          </ul>
        }
        onConfirm={async () => {
          await accept(api.DELETE('/api/v1/servers/{id}', { params: { path: { id: server.id } } }))
          fleet.remove(server.id)
          forgetServer(server.id)
          toast({ tone: 'ok', title: 'Server deleted', detail: server.name })
          onDeleted()
        }}
      />
    </div>
  )
}
