/** Shares a server, or every server with a tag, with a person or a team. Loaded when it is opened. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useId, useRef, useState } from 'react'
import { accept, api } from '@/shared/api/client'
import { Problem } from '@/shared/api/problem'
import { refreshPeople, teamsQuery, usersQuery } from '@/shared/people/people-query'
import { meQuery } from '@/shared/session/session'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { Field } from '@/shared/ui/field'
import { FormProblem } from '@/shared/ui/form-problem'
import { Input } from '@/shared/ui/input'
import { Segmented } from '@/shared/ui/segmented'
import { Select } from '@/shared/ui/select'
import { toast } from '@/shared/ui/toast'
import { LEVELS, type Level, levelLabel } from './levels'

type Whom = 'person' | 'team'

export default function Share({
  server,
  onClose,
}: {
  /** Null: a tag is asked for. */
  server: { id: string; name: string } | null
  onClose: () => void
}) {
  const client = useQueryClient()
  const listId = useId()
  // The button stands outside: without one, Enter does nothing in a form of two fields.
  const formId = useId()
  const { data: me } = useQuery(meQuery)
  const seesAll = me?.role === 'owner' || me?.role === 'admin'
  const users = useQuery({ ...usersQuery, enabled: seesAll })
  const teams = useQuery(teamsQuery)
  const [whom, setWhom] = useState<Whom>('person')
  const [username, setUsername] = useState('')
  const [team, setTeam] = useState('')
  const [tag, setTag] = useState('')
  const [level, setLevel] = useState<Level>('view')
  const [asked, setAsked] = useState(false)
  const first = useRef<HTMLInputElement>(null)

  const share = useMutation({
    mutationFn: async () => {
      await accept(
        api.POST('/api/v1/grants', {
          body: {
            ...(whom === 'person' ? { username: username.trim() } : { team_id: team }),
            ...(server ? { server_id: server.id } : { tag: tag.trim() }),
            level,
          },
        }),
      )
      await refreshPeople(client)
    },
    onSuccess: () => {
      toast({
        tone: 'ok',
        title: `Shared ${server ? server.name : `tag ${tag.trim()}`}`,
        detail: `${levelLabel(level)}: they have it within seconds`,
      })
      onClose()
    },
  })
  const problem = share.error instanceof Problem ? share.error : null
  const unknown = problem?.status === 404 && whom === 'person'
  const whomError =
    whom === 'person'
      ? asked && username.trim() === ''
        ? 'Enter a user name'
        : unknown
          ? 'Nobody has this user name'
          : problem?.field('username')
      : asked && team === ''
        ? 'Choose a team'
        : problem?.field('team_id')
  const tagError = !server && asked && tag.trim() === '' ? 'Enter a tag' : problem?.field('tag')
  const complete =
    (whom === 'person' ? username.trim() !== '' : team !== '') &&
    (server !== null || tag.trim() !== '')
  const submit = () => {
    setAsked(true)
    if (complete && !share.isPending) share.mutate()
    else if (!complete) first.current?.focus()
  }

  return (
    <Dialog
      open
      onOpenChange={(open) => open || share.isPending || onClose()}
      title={server ? `Share ${server.name}` : 'Share all servers with a tag'}
      className="max-w-md"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" form={formId} variant="primary" busy={share.isPending}>
            Share
          </Button>
        </>
      }
    >
      <form
        id={formId}
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault()
          submit()
        }}
      >
        <FormProblem error={whomError || tagError ? null : share.error} />
        {server ? null : (
          <Field
            label="Tag"
            hint="Servers that get this tag later are shared, too"
            error={tagError}
          >
            {(control) => (
              <Input
                {...control}
                ref={first}
                maxLength={64}
                autoComplete="off"
                spellCheck={false}
                value={tag}
                onChange={(event) => setTag(event.target.value)}
              />
            )}
          </Field>
        )}
        <div>
          <Segmented
            label="With whom"
            value={whom}
            options={[
              { value: 'person', label: 'A person' },
              { value: 'team', label: 'A team' },
            ]}
            onChange={(next: Whom) => {
              setWhom(next)
              share.reset()
            }}
          />
        </div>
        {whom === 'person' ? (
          <Field label="User name" error={whomError}>
            {(control) => (
              <>
                <Input
                  {...control}
                  ref={server ? first : undefined}
                  list={seesAll ? listId : undefined}
                  autoComplete="off"
                  autoCapitalize="none"
                  spellCheck={false}
                  value={username}
                  onChange={(event) => {
                    setUsername(event.target.value)
                    share.reset()
                  }}
                />
                {seesAll ? (
                  <datalist id={listId}>
                    {(users.data ?? []).map((user) => (
                      <option key={user.id} value={user.username}>
                        {user.full_name}
                      </option>
                    ))}
                  </datalist>
                ) : null}
              </>
            )}
          </Field>
        ) : (
          <Field
            label="Team"
            hint={teams.data?.length === 0 ? 'There is no team you know of' : undefined}
            error={whomError}
          >
            {(control) => (
              <Select {...control} value={team} onChange={(event) => setTeam(event.target.value)}>
                <option value="">Choose a team</option>
                {(teams.data ?? []).map((entry) => (
                  <option key={entry.id} value={entry.id}>
                    {entry.name}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        )}
        <Field
          label="They may"
          hint={LEVELS.find((entry) => entry.value === level)?.means}
          error={problem?.field('level')}
        >
          {(control) => (
            <Select
              {...control}
              value={level}
              onChange={(event) => setLevel(event.target.value as Level)}
            >
              {LEVELS.map((entry) => (
                <option key={entry.value} value={entry.value}>
                  {entry.label}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </form>
    </Dialog>
  )
}
