/** Makes or changes a channel; once it is there, tries it out and shows what it told. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Send } from 'lucide-react'
import { type ReactNode, useRef, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { AlertChannel } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import { useFleet } from '@/shared/fleet/fleet'
import { focusInvalid } from '@/shared/lib/focus-invalid'
import { useLeaveGuard } from '@/shared/lib/leave-guard'
import { usePageTitle } from '@/shared/lib/page-title'
import { ownZone } from '@/shared/schedules/moments'
import { Button, buttonStyle } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { FormProblem } from '@/shared/ui/form-problem'
import { Input } from '@/shared/ui/input'
import { Loaded } from '@/shared/ui/loaded'
import { Select } from '@/shared/ui/select'
import { Switch } from '@/shared/ui/switch'
import { toast } from '@/shared/ui/toast'
import { ChannelChat } from './channel-chat'
import {
  type ChannelDraft,
  type ChannelProblems,
  channelDraftOf,
  channelProblems,
  channelRequest,
  isKind,
  KINDS,
  type Kind,
  newChannel,
  targetOf,
} from './channel-draft'
import { KIND_WORDS } from './channel-kinds'
import { ChannelLog } from './channel-log'
import { channelsQuery, useDeleteChannel, useTestChannel } from './channel-queries'
import { ReceivesFields } from './channel-receives'
import { TargetFields } from './channel-target'
import { TestAnswer } from './channel-test'
import { WordsFields } from './channel-words'

export function NewChannelPage({
  kind,
  onSaved,
}: {
  kind: string | undefined
  /** The channel is there: it can be tried now. */
  onSaved: (id: string) => void
}) {
  usePageTitle('New channel')
  return (
    <Frame title="New channel">
      <Editor
        channel={null}
        kind={isKind(kind) ? kind : 'webhook'}
        onSaved={(channel) => onSaved(channel.id)}
        onDeleted={() => undefined}
      />
    </Frame>
  )
}

export function ChannelPage({ id, onDeleted }: { id: string; onDeleted: () => void }) {
  const query = useQuery(channelsQuery)
  const name = query.data?.find((one) => one.id === id)?.name ?? 'Channel'
  usePageTitle(name)
  return (
    <Frame title={name}>
      <Loaded query={query} what="The channel could not be loaded">
        {(channels) => {
          const channel = channels.find((one) => one.id === id)
          return channel ? (
            <>
              <TryIt channel={channel} />
              <Editor
                key={channel.version}
                channel={channel}
                kind="webhook"
                onSaved={() => undefined}
                onDeleted={onDeleted}
              />
              {targetOf(channel).kind === 'slack' ? <ChannelChat id={id} /> : null}
              <ChannelLog id={id} />
            </>
          ) : (
            <p className="text-ink-2">
              There is no such channel, or it is another person&rsquo;s.{' '}
              <Link to="/alerts/channels" className="text-accent hover:underline">
                Show the channels
              </Link>
            </p>
          )
        }}
      </Loaded>
    </Frame>
  )
}

function Frame({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="mx-auto max-w-4xl px-4 py-6 sm:px-6">
      <Link to="/alerts/channels" className="text-ink-2 text-sm hover:underline">
        Channels
      </Link>
      <h1 className="mt-1 mb-5 break-words font-semibold text-xl tracking-tight">{title}</h1>
      {children}
    </div>
  )
}

function TryIt({ channel }: { channel: AlertChannel }) {
  const test = useTestChannel()
  return (
    <section aria-label="Try it" className="card mb-6 p-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="text-ink-2">
          Sends a message now, as the channel is saved, and shows the real answer.
        </p>
        <Button busy={test.isPending} onClick={() => test.mutate(channel.id)}>
          <Send aria-hidden="true" />
          Send a test
        </Button>
      </div>
      {test.data || test.isError ? (
        <TestAnswer answer={test.data} error={test.error} className="mt-3" />
      ) : null}
    </section>
  )
}

/** Names of fields in the problems of the API, as the form has them. */
const FIELDS: readonly [string, keyof ChannelDraft][] = [
  ['name', 'name'],
  ['secret', 'secret'],
  ['target.url', 'url'],
  ['target.chat_id', 'chat'],
  ['target.topic', 'topic'],
  ['target.host', 'host'],
  ['target.port', 'port'],
  ['target.tls', 'tls'],
  ['target.from', 'from'],
  ['target.to', 'to'],
  ['target.user', 'user'],
  ['receives.after_ms', 'after'],
  ['receives.repeat_ms', 'repeat'],
  ['receives.hours.zone', 'zone'],
  ['receives.hours.days', 'days'],
  ['receives.hours.until', 'closes'],
]

function refusedOf(error: unknown, kind: Kind): ChannelProblems {
  if (!(error instanceof Problem)) return {}
  const found: ChannelProblems = {}
  const names: typeof FIELDS = [
    ...FIELDS,
    ['target.server', kind === 'telegram' ? 'bot' : 'server'],
  ]
  for (const [name, field] of names) {
    const text = error.field(name)
    if (text) found[field] = text
  }
  return found
}

function Editor({
  channel,
  kind,
  onSaved,
  onDeleted,
}: {
  channel: AlertChannel | null
  kind: Kind
  onSaved: (channel: AlertChannel) => void
  onDeleted: () => void
}) {
  const client = useQueryClient()
  useFleet()
  const [base] = useState(() =>
    channel ? channelDraftOf(channel, ownZone()) : newChannel(kind, ownZone()),
  )
  const [draft, setDraft] = useState(base)
  const [asked, setAsked] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const dirty = JSON.stringify(draft) !== JSON.stringify(base)
  const save = useMutation({
    mutationFn: () => {
      const body = channelRequest(draft)
      return unwrap(
        channel
          ? api.PUT('/api/v1/alerts/channels/{id}', {
              params: { path: { id: channel.id } },
              body,
            })
          : api.POST('/api/v1/alerts/channels', { body }),
      )
    },
    onSuccess: async (saved) => {
      toast({
        tone: 'ok',
        title: 'Channel saved',
        detail: channel ? saved.name : `${saved.name}: send a test to see that it works`,
      })
      await client.invalidateQueries({ queryKey: channelsQuery.queryKey, exact: true })
      onSaved(saved)
    },
  })
  const remove = useDeleteChannel(onDeleted)
  const problems: ChannelProblems = {
    ...refusedOf(save.error, draft.kind),
    ...(asked ? channelProblems(draft, channel) : {}),
  }
  useLeaveGuard(dirty && !save.isSuccess && !save.isPending && !remove.isSuccess)
  const set = (change: Partial<ChannelDraft>) => {
    setDraft((before) => ({ ...before, ...change }))
    if (save.isError) save.reset()
  }
  const submit = () => {
    setAsked(true)
    if (Object.keys(channelProblems(draft, channel)).length > 0) focusInvalid(form.current)
    else if (!save.isPending) save.mutate()
  }
  return (
    <form
      ref={form}
      noValidate
      aria-label="Channel"
      className="flex flex-col gap-6"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <div className="grid items-start gap-4 sm:grid-cols-[1fr_14rem]">
        <Field label="Name" error={problems.name}>
          {(control) => (
            <Input
              {...control}
              maxLength={128}
              autoComplete="off"
              placeholder="Operations"
              value={draft.name}
              onChange={(event) => set({ name: event.target.value })}
            />
          )}
        </Field>
        <Field label="Kind" hint={KIND_WORDS[draft.kind].hint}>
          {(control) => (
            <Select
              {...control}
              value={draft.kind}
              onChange={(event) => set({ kind: event.target.value as Kind, secret: '' })}
            >
              {KINDS.map((one) => (
                <option key={one} value={one}>
                  {KIND_WORDS[one].label}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </div>
      <Part title="Where it leads">
        <TargetFields channel={channel} draft={draft} problems={problems} onChange={set} />
      </Part>
      <Part title="Which alerts, and when">
        <ReceivesFields draft={draft} problems={problems} onChange={set} />
      </Part>
      <Part title="What it says">
        <WordsFields draft={draft} onChange={set} />
      </Part>
      <Switch
        label="On"
        hint="Through a channel that is off nobody is told anything."
        checked={draft.enabled}
        onChange={(enabled) => set({ enabled })}
      />
      {save.isError ? <FormProblem error={save.error} /> : null}
      <div className="flex flex-wrap items-center gap-3">
        <Button type="submit" variant="primary" busy={save.isPending}>
          Save channel
        </Button>
        <Link to="/alerts/channels" className={buttonStyle()}>
          Cancel
        </Link>
        {channel ? (
          <Button
            variant="dangerQuiet"
            busy={remove.isPending}
            onClick={() => remove.mutate(channel)}
          >
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

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="flex flex-col gap-4 border-line border-t pt-5">
      <h2 className="font-semibold">{title}</h2>
      {children}
    </section>
  )
}
