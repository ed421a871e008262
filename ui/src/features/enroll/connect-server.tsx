import { useMutation, useQuery } from '@tanstack/react-query'
import { KeyRound } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import { usePageTitle } from '@/shared/lib/page-title'
import { eventsQuery, useServer } from '@/shared/servers/server-query'
import { Button } from '@/shared/ui/button'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Segmented } from '@/shared/ui/segmented'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import { toastProblem } from '@/shared/ui/toast'
import { useTopic } from '@/shared/ws/live'
import { CommandBox } from './command-box'
import { EnrolmentCommand } from './enrolment'
import { fillKey } from './install-command'
import { issueKey, useIssuedKey } from './issued-keys'
import { progressOf, useArrival, useFirst, WaitForAgent } from './wait-for-agent'
import { WizardFrame } from './wizard-frame'

/** Refusals are not pushed, so while nothing has connected the events are asked for. */
const ASK_EVERY_MS = 3_000

/** Second and third step: the command to run on the host, and the live wait for its agent. */
export function ConnectServer({
  id,
  onArrived,
  serverLink,
}: {
  id: string
  onArrived: () => void
  serverLink: ReactNode
}) {
  useTopic(`server:${id}`)
  const { query, row } = useServer(id)
  const waiting = row === undefined || !row.server.latest
  const events = useQuery({
    ...eventsQuery(id),
    refetchInterval: waiting ? ASK_EVERY_MS : false,
  })
  const install = useQuery({
    queryKey: ['server', id, 'install'],
    queryFn: ({ signal }) =>
      unwrap(api.GET('/api/v1/servers/{id}/install', { params: { path: { id } }, signal })),
    staleTime: 300_000,
  })
  const seen = progressOf(events.data?.events ?? [], row)
  const progress = { ...seen, readingsAt: useFirst(seen.readingsAt) }
  useArrival(progress.readingsAt !== null, row !== undefined, onArrived)
  const name = row?.server.name ?? query.data?.name
  usePageTitle(name ? `Connect ${name}` : 'Connect')

  const failed = query.error ?? install.error
  if (failed) {
    return (
      <div className="mx-auto max-w-2xl p-6">
        <ProblemPanel
          what="The install command could not be loaded"
          error={failed}
          onRetry={() => {
            void query.refetch()
            void install.refetch()
          }}
        />
      </div>
    )
  }
  if (!name || !install.data) {
    return (
      <div className="mx-auto max-w-2xl px-4 py-12">
        <Late>
          <Skeleton className="h-5 w-2/3" />
          <Skeleton className="mt-8 h-9 w-72" />
          <Skeleton className="mt-6 h-40" />
        </Late>
      </div>
    )
  }

  const host = new URL(install.data.http_url).hostname
  const port = natsPort(install.data.nats_url)
  return (
    <WizardFrame
      step={progress.readingsAt !== null ? 4 : progress.authenticatedAt !== null ? 3 : 2}
      title={progress.readingsAt === null ? `Connect ${name}` : `${name} is connected`}
      lead={
        progress.readingsAt === null
          ? 'Run this on the host; this page notices when its agent calls.'
          : 'Its readings arrive.'
      }
    >
      {progress.readingsAt === null ? (
        <Install server={id} commands={install.data.commands} />
      ) : null}
      <div className="mt-5">
        <WaitForAgent
          progress={progress}
          checks={[
            {
              cause: 'Does the agent run, and what does it say about this host?',
              command: 'chatops-agent check',
            },
            {
              cause: `Does a firewall let the host reach ${host} on port ${port}?`,
              command: `timeout 3 bash -c '</dev/tcp/${host}/${port}' && echo reachable`,
            },
            {
              cause:
                'Is the code or key complete and not used up? The agent says why it was refused.',
              command: 'journalctl -u chatops-agent -n 20 --no-pager',
            },
          ]}
        />
      </div>
      <div className="mt-5">{serverLink}</div>
    </WizardFrame>
  )
}

function natsPort(url: string): string {
  // URL knows no default ports for nats: and leaves them out for none.
  return /:(\d+)(?:[/,]|$)/.exec(url.replace(/^\w+:\/\//, ''))?.[1] ?? '4222'
}

type Way = 'command' | 'agent' | 'hand'

const WAYS: readonly { value: Way; label: string }[] = [
  { value: 'command', label: 'One command' },
  { value: 'agent', label: 'Agent is there' },
  { value: 'hand', label: 'By hand' },
]

/** Three ways onto a host: with nothing there yet, with the agent's program there, and with a key. */
function Install({
  server,
  commands,
}: {
  server: string
  commands: { label: string; command: string }[]
}) {
  const [way, setWay] = useState<Way>('command')
  const issued = useIssuedKey(server)
  return (
    <div>
      <Segmented
        label="How the agent comes to the host"
        className="mb-3 max-w-full flex-wrap"
        value={way}
        options={WAYS}
        onChange={setWay}
      />
      <p className="mb-3 text-ink-2">{MEANING[way]}</p>
      {way === 'command' ? (
        <EnrolmentCommand server={server} pick={(offer) => offer.command} />
      ) : way === 'agent' ? (
        <EnrolmentCommand server={server} pick={(offer) => offer.enroll_command} />
      ) : issued ? (
        <Commands commands={commands} apiKey={issued.key} />
      ) : (
        <NoKey server={server} />
      )}
    </div>
  )
}

const MEANING: Record<Way, string> = {
  command: 'In a root shell of a Linux host: fetches the agent, checks it, and starts it.',
  agent: 'Where the program chatops-agent is already: it gets its key and its settings.',
  hand: 'For containers and hosts that you set up yourself: with a key of this server.',
}

function Commands({
  commands,
  apiKey,
}: {
  commands: { label: string; command: string }[]
  apiKey: string
}) {
  const [label, setLabel] = useState(commands[0]?.label ?? '')
  const chosen = commands.find((entry) => entry.label === label) ?? commands[0]
  if (!chosen) return null
  return (
    <div>
      {commands.length > 1 ? (
        <Segmented
          label="Where the agent runs"
          className="mb-3 max-w-full flex-wrap"
          value={chosen.label}
          options={commands.map((entry) => ({ value: entry.label, label: entry.label }))}
          onChange={setLabel}
        />
      ) : null}
      <CommandBox
        command={fillKey(chosen.command, apiKey)}
        note={
          <>
            <KeyRound className="size-4 text-ink-3" aria-hidden="true" />
            Holds a key of this server, shown only now.
          </>
        }
      />
    </div>
  )
}

function NoKey({ server }: { server: string }) {
  const create = useMutation({
    mutationFn: () => issueKey(server),
    onError: (error) => toastProblem('No key was made', error),
  })
  return (
    <div className="flex flex-wrap items-center gap-4 rounded-lg border border-line bg-sunken p-4">
      <div className="min-w-0 flex-1 basis-60">
        <p className="font-medium">A key is shown once</p>
        <p className="text-ink-2">
          Make one for this host. Keys that are in use keep working; you can revoke them in the
          server’s settings.
        </p>
      </div>
      <Button variant="primary" busy={create.isPending} onClick={() => create.mutate()}>
        Make a key
      </Button>
    </div>
  )
}
