import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { accept, api } from '@/shared/api/client'
import type { Team } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import { refreshPeople } from '@/shared/people/people-query'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { Field } from '@/shared/ui/field'
import { FormProblem } from '@/shared/ui/form-problem'
import { Input } from '@/shared/ui/input'
import { toast } from '@/shared/ui/toast'

/** Names a new team, or an existing one anew. */
export function NameTeam({ team, onClose }: { team: Team | null; onClose: () => void }) {
  const client = useQueryClient()
  const [name, setName] = useState(team?.name ?? '')
  const [asked, setAsked] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const save = useMutation({
    mutationFn: async () => {
      const body = { name: name.trim() }
      await accept(
        team
          ? api.PATCH('/api/v1/teams/{id}', { params: { path: { id: team.id } }, body })
          : api.POST('/api/v1/teams', { body }),
      )
      await refreshPeople(client)
    },
    onSuccess: () => {
      toast({ tone: 'ok', title: team ? 'Team renamed' : 'Team created', detail: name.trim() })
      onClose()
    },
    onError: () => input.current?.focus(),
  })
  const named = save.error instanceof Problem ? save.error.field('name') : undefined
  const error = asked && name.trim() === '' ? 'Give it a name' : named
  const submit = () => {
    setAsked(true)
    if (name.trim() === '') input.current?.focus()
    else if (!save.isPending) save.mutate()
  }
  return (
    <Dialog
      open
      onOpenChange={(open) => open || save.isPending || onClose()}
      title={team ? `Rename ${team.name}` : 'New team'}
      className="max-w-md"
      initialFocus={input}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" busy={save.isPending} onClick={submit}>
            {team ? 'Rename' : 'Create team'}
          </Button>
        </>
      }
    >
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          submit()
        }}
      >
        <FormProblem error={named ? null : save.error} />
        <Field label="Name" error={error}>
          {(control) => (
            <Input
              {...control}
              ref={input}
              maxLength={128}
              autoComplete="off"
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
      </form>
    </Dialog>
  )
}
