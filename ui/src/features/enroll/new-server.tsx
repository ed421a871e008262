import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import { Problem } from '@/shared/api/problem'
import { fleet } from '@/shared/fleet/fleet'
import { EMPTY_SERVER, ServerFields, type ServerForm, tagsOf } from '@/shared/servers/server-fields'
import { Button } from '@/shared/ui/button'
import { WizardFrame } from './wizard-frame'

/** First step: what the server is called. The next step makes the code for its host. */
export function NewServer({
  onCreated,
  onCancel,
}: {
  onCreated: (id: string) => void
  onCancel: () => void
}) {
  const [form, setForm] = useState<ServerForm>(EMPTY_SERVER)
  const [nameError, setNameError] = useState<string>()
  const create = useMutation({
    mutationFn: async () => {
      const server = await unwrap(
        api.POST('/api/v1/servers', {
          body: {
            name: form.name.trim(),
            tags: tagsOf(form.tags),
            interval_ms: Number(form.interval) * 1_000,
          },
        }),
      )
      fleet.put(server)
      return server
    },
    onSuccess: (server) => onCreated(server.id),
  })
  const problem = create.error instanceof Problem ? create.error : null
  return (
    <WizardFrame step={1} title="Add a server">
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          if (form.name.trim() === '') setNameError('Give it a name')
          else if (!create.isPending) create.mutate()
        }}
      >
        {create.error && !(problem && problem.fields.length > 0) ? (
          <p role="alert" className="rounded-md bg-bad-soft px-3 py-2 text-bad">
            {create.error.message}
          </p>
        ) : null}
        <ServerFields
          form={form}
          onChange={(next) => {
            setForm(next)
            setNameError(undefined)
          }}
          problem={problem}
          nameError={nameError}
          autoFocus
        />
        <div className="mt-1 flex gap-2">
          <Button type="submit" variant="primary" size="lg" busy={create.isPending}>
            Continue
          </Button>
          <Button size="lg" variant="quiet" onClick={onCancel}>
            Cancel
          </Button>
        </div>
      </form>
    </WizardFrame>
  )
}
