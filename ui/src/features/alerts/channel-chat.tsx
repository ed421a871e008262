/** Lets the chat of a channel talk back: where its slash command goes, and what it signs with. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { accept, api } from '@/shared/api/client'
import { Problem } from '@/shared/api/problem'
import { Button } from '@/shared/ui/button'
import { CopyButton } from '@/shared/ui/copy'
import { Field } from '@/shared/ui/field'
import { FormProblem } from '@/shared/ui/form-problem'
import { PasswordInput } from '@/shared/ui/password-input'
import { toast } from '@/shared/ui/toast'
import { channelsQuery } from './channel-queries'

export function ChannelChat({ id }: { id: string }) {
  const client = useQueryClient()
  const [secret, setSecret] = useState('')
  const path = { params: { path: { id } } }
  const url = `${window.location.origin}/api/v1/chat/slack/${id}`
  const done = async (title: string) => {
    setSecret('')
    toast({ tone: 'ok', title })
    await client.invalidateQueries({ queryKey: channelsQuery.queryKey, exact: true })
  }
  const keep = useMutation({
    mutationFn: () =>
      accept(api.PUT('/api/v1/alerts/channels/{id}/chat', { ...path, body: { secret } })),
    onSuccess: () => done('The chat can talk to us'),
  })
  const close = useMutation({
    mutationFn: () => accept(api.DELETE('/api/v1/alerts/channels/{id}/chat', path)),
    onSuccess: () => done('The chat can say nothing any more'),
  })
  const refused = keep.error instanceof Problem ? keep.error.field('secret') : undefined
  return (
    <section aria-label="Talking back" className="card mb-6 flex flex-col gap-3 p-4">
      <h2 className="font-semibold">Talking back</h2>
      <p className="text-ink-2">
        With a slash command people acknowledge, silence and ask from the chat, each with their own
        rights. Send the command here:
      </p>
      <div className="flex items-center gap-2 rounded-md border border-line bg-sunken p-2 pl-3">
        <code className="min-w-0 flex-1 break-all font-mono text-xs">{url}</code>
        <CopyButton text={url} />
      </div>
      <form
        className="flex flex-wrap items-start gap-3"
        onSubmit={(event) => {
          event.preventDefault()
          if (!keep.isPending) keep.mutate()
        }}
      >
        <Field
          label="Signing secret"
          hint="Of the chat's app, under Basic Information. Never shown again."
          error={refused}
          className="min-w-56 flex-1"
        >
          {(control) => (
            <PasswordInput
              {...control}
              autoComplete="off"
              value={secret}
              onChange={(event) => setSecret(event.target.value)}
            />
          )}
        </Field>
        <div className="flex gap-3 pt-7">
          <Button type="submit" disabled={secret.trim() === ''} busy={keep.isPending}>
            Keep
          </Button>
          <Button variant="dangerQuiet" busy={close.isPending} onClick={() => close.mutate()}>
            Erase
          </Button>
        </div>
      </form>
      {refused ? null : <FormProblem error={keep.error ?? close.error} />}
    </section>
  )
}
