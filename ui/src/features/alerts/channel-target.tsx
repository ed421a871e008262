/** Where a channel leads: the fields of its kind, and what opens its door. */
import { useState } from 'react'
import type { AlertChannel } from '@/shared/api/model'
import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { Input } from '@/shared/ui/input'
import { PasswordInput } from '@/shared/ui/password-input'
import { Select } from '@/shared/ui/select'
import { TextArea } from '@/shared/ui/text-area'
import {
  asksSecret,
  type ChannelDraft,
  type ChannelProblems,
  type MailTls,
  needsSecret,
} from './channel-draft'
import { KIND_WORDS } from './channel-kinds'

interface PartProps {
  draft: ChannelDraft
  problems: ChannelProblems
  onChange: (change: Partial<ChannelDraft>) => void
}

const MAIL_TLS: Record<MailTls, string> = {
  starttls: 'STARTTLS (port 587)',
  implicit: 'TLS from the start (port 465)',
  none: 'Not protected',
}

type TextField = 'url' | 'chat' | 'bot' | 'server' | 'topic' | 'host' | 'port' | 'from' | 'user'

export function TargetFields({
  channel,
  ...props
}: PartProps & {
  /** The one that is changed; null: it is new. */
  channel: AlertChannel | null
}) {
  const { draft, problems, onChange } = props
  const text = (
    name: TextField,
    label: string,
    rest: { hint?: string; placeholder?: string; optional?: boolean; className?: string } = {},
  ) => (
    <Field
      label={label}
      hint={rest.hint}
      error={problems[name]}
      optional={rest.optional}
      className={rest.className}
    >
      {(control) => (
        <Input
          {...control}
          autoComplete="off"
          spellCheck={false}
          placeholder={rest.placeholder}
          value={draft[name]}
          onChange={(event) => onChange({ [name]: event.target.value })}
        />
      )}
    </Field>
  )
  return (
    <>
      {draft.kind === 'webhook'
        ? text('url', 'Address', {
            placeholder: 'https://hooks.example.org/chatops',
            hint: 'Everybody who sees the channel can read this; no password in it',
          })
        : null}
      {draft.kind === 'telegram' ? (
        <div className="grid items-start gap-4 sm:grid-cols-2">
          {text('chat', 'Chat', { placeholder: '-1001234567890', hint: 'Its number, or @name' })}
          {text('bot', 'Bot API server', { optional: true, hint: 'Only if you run your own' })}
        </div>
      ) : null}
      {draft.kind === 'ntfy' ? (
        <div className="grid items-start gap-4 sm:grid-cols-2">
          {text('server', 'Server', { placeholder: 'https://ntfy.sh' })}
          {text('topic', 'Topic', {
            placeholder: 'our-alerts',
            hint: 'Whoever knows it can read along, unless it is protected',
          })}
        </div>
      ) : null}
      {draft.kind === 'email' ? (
        <>
          <div className="grid items-start gap-4 sm:grid-cols-[1fr_7rem_14rem]">
            {text('host', 'Mail server', { placeholder: 'mail.example.org' })}
            {text('port', 'Port')}
            <Field label="Protection" error={problems.tls}>
              {(control) => (
                <Select
                  {...control}
                  value={draft.tls}
                  onChange={(event) => onChange({ tls: event.target.value as MailTls })}
                >
                  {(Object.keys(MAIL_TLS) as MailTls[]).map((tls) => (
                    <option key={tls} value={tls}>
                      {MAIL_TLS[tls]}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
          </div>
          <div className="grid items-start gap-4 sm:grid-cols-2">
            {text('from', 'From', { placeholder: 'ChatOps <ops@example.org>' })}
            {text('user', 'User at the mail server', { optional: true })}
          </div>
          <Field label="To" hint="One address in each line" error={problems.to}>
            {(control) => (
              <TextArea
                {...control}
                rows={2}
                placeholder="oncall@example.org"
                value={draft.to}
                onChange={(event) => onChange({ to: event.target.value })}
              />
            )}
          </Field>
        </>
      ) : null}
      <Secret channel={channel} {...props} />
    </>
  )
}

/** A kept secret is never shown, and asked for again only when the channel leads elsewhere or somebody wants another. */
function Secret({
  draft,
  problems,
  channel,
  onChange,
}: PartProps & { channel: AlertChannel | null }) {
  const [replacing, setReplacing] = useState(false)
  const words = KIND_WORDS[draft.kind]
  const kept = channel?.has_secret ?? false
  const asks = asksSecret(draft, channel)
  if (draft.kind === 'email' && !kept && !needsSecret(draft)) return null
  if (kept && !asks && !replacing) {
    return (
      <div className="flex flex-col gap-1.5">
        <span className="font-medium">{words.secret}</span>
        <p className="flex flex-wrap items-center gap-3 text-ink-2">
          Kept, encrypted. Nobody can read it any more.
          <Button size="sm" onClick={() => setReplacing(true)}>
            Replace it
          </Button>
        </p>
      </div>
    )
  }
  return (
    <Field
      label={words.secret}
      hint={
        kept && asks
          ? 'It leads elsewhere now, and a kept secret goes nowhere else: give this anew'
          : words.secretHint
      }
      error={problems.secret}
      optional={!asks && !kept}
    >
      {(control) => (
        <PasswordInput
          {...control}
          autoComplete="new-password"
          placeholder={words.placeholder}
          value={draft.secret}
          onChange={(event) => onChange({ secret: event.target.value })}
        />
      )}
    </Field>
  )
}
