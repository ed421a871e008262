/** Makes an API token and shows it this once. Loaded when it is first opened. */
import { useMutation } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { ApiToken, IssuedToken } from '@/shared/api/model'
import { Problem } from '@/shared/api/problem'
import { serverNow } from '@/shared/lib/now'
import { day } from '@/shared/lib/time'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { Field } from '@/shared/ui/field'
import { Input } from '@/shared/ui/input'
import { Select } from '@/shared/ui/select'
import { ShownOnce } from '@/shared/ui/shown-once'

type Scope = ApiToken['scopes'][number]

const SCOPES: [Scope, string][] = [
  ['read', 'See servers, their figures and their settings'],
  ['operate', 'Act on servers without changing their settings'],
  ['manage', 'Add, change and remove servers, and give keys for them'],
  ['admin', 'Manage people, teams and invitations'],
  ['audit', 'Read and export the audit log'],
]

const DAYS = [7, 30, 90, 365]
const DAY_MS = 86_400_000

export default function NewToken({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState<readonly Scope[]>(['read'])
  const [days, setDays] = useState(30)
  const [asked, setAsked] = useState(false)
  const [issued, setIssued] = useState<IssuedToken | null>(null)
  const nameInput = useRef<HTMLInputElement>(null)
  const create = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST('/api/v1/auth/tokens', {
          body: {
            name: name.trim(),
            scopes: [...scopes],
            expires_at: new Date(serverNow() + days * DAY_MS).toISOString(),
          },
        }),
      ),
    onSuccess: setIssued,
  })
  const problem = create.error instanceof Problem ? create.error : null
  const nameError =
    asked && name.trim() === ''
      ? 'Give it a name, so that you know it later'
      : problem?.field('name')
  const scopeError = asked && scopes.length === 0 ? 'Choose at least one' : problem?.field('scopes')
  const submit = () => {
    setAsked(true)
    if (name.trim() === '') nameInput.current?.focus()
    else if (scopes.length > 0 && !create.isPending) create.mutate()
  }

  if (issued) {
    return (
      <Dialog
        open
        onOpenChange={(open) => open || onClose()}
        dismissable={false}
        title="Your new token"
        description="It is shown this once. Only its hash is kept."
        footer={
          <Button variant="primary" onClick={onClose}>
            I have saved it
          </Button>
        }
      >
        <ShownOnce secret={issued.token} testId="issued-token" />
        <p className="mt-3 text-ink-2 text-xs">
          Send it as <code className="font-mono">Authorization: Bearer …</code>. Whoever has it can
          use it until {day(Date.parse(issued.info.expires_at))}.
        </p>
      </Dialog>
    )
  }
  return (
    <Dialog
      open
      onOpenChange={(open) => open || onClose()}
      title="New API token"
      initialFocus={nameInput}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" busy={create.isPending} onClick={submit}>
            Create token
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
        {create.error && !nameError && !scopeError ? (
          <p role="alert" className="rounded-md bg-bad-soft px-3 py-2 text-bad">
            {create.error.message}
          </p>
        ) : null}
        <Field label="Name" hint="Where it is used, for example backup script" error={nameError}>
          {(control) => (
            <Input
              {...control}
              ref={nameInput}
              maxLength={64}
              autoComplete="off"
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <fieldset aria-describedby={scopeError ? 'scope-error' : undefined}>
          <legend className="font-medium">Scopes</legend>
          <div className="mt-1.5 flex flex-col gap-1">
            {SCOPES.map(([scope, meaning]) => (
              <label
                key={scope}
                className="flex min-h-8 cursor-pointer items-start gap-2.5 rounded-md py-1 touch:min-h-11"
              >
                <input
                  type="checkbox"
                  className="mt-0.5 size-4 shrink-0 accent-(--accent)"
                  checked={scopes.includes(scope)}
                  onChange={(event) =>
                    setScopes(
                      event.target.checked
                        ? [...scopes, scope]
                        : scopes.filter((other) => other !== scope),
                    )
                  }
                />
                <span>
                  <span className="block font-medium">{scope}</span>
                  <span className="block text-ink-2 text-xs">{meaning}</span>
                </span>
              </label>
            ))}
          </div>
          {scopeError ? (
            <p id="scope-error" className="mt-1 font-medium text-bad text-xs">
              {scopeError}
            </p>
          ) : null}
        </fieldset>
        <Field
          label="Ends after"
          hint={`On ${day(serverNow() + days * DAY_MS)}`}
          error={problem?.field('expires_at')}
        >
          {(control) => (
            <Select
              {...control}
              value={days}
              onChange={(event) => setDays(Number(event.target.value))}
            >
              {DAYS.map((count) => (
                <option key={count} value={count}>
                  {count === 365 ? 'a year' : `${count} days`}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </form>
    </Dialog>
  )
}
