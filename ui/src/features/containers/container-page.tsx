import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { SquareTerminal } from 'lucide-react'
import type { ReactNode } from 'react'
import { bytes, count, shortRate } from '@/shared/lib/format'
import { exact } from '@/shared/lib/time'
import { useNewestSample } from '@/shared/metrics/use-feed'
import { buttonStyle } from '@/shared/ui/button'
import { Loaded } from '@/shared/ui/loaded'
import { StatusDot, type Tone } from '@/shared/ui/status-dot'
import { Ago } from '@/shared/ui/time'
import { ActionButtons } from './action-buttons'
import { containerEventsQuery, containersQuery, inspectQuery } from './queries'
import { condition } from './state'

/** Name, state and actions of a container, above all of its tabs. */
export function ContainerHeader({ server, container }: { server: string; container: string }) {
  const query = useQuery(containersQuery(server))
  const found = query.data?.containers.find(
    (one) => one.name === container || one.id.startsWith(container),
  )
  const { tone, text } = condition(found?.state, found?.health)
  return (
    <div className="mt-4 flex flex-wrap items-center gap-3">
      <h2 className="font-semibold text-lg">{found?.name ?? container}</h2>
      {found ? (
        <>
          <span className="flex items-center gap-2">
            <StatusDot tone={tone} />
            {text}
          </span>
          <span className="text-ink-3 text-xs">{found.image}</span>
          <span className="flex-1" />
          {found.state === 'running' ? (
            <Link
              to="/servers/$id/terminal"
              params={{ id: server }}
              search={{ container: found.name }}
              className={buttonStyle({ size: 'sm' })}
            >
              <SquareTerminal aria-hidden="true" />
              Shell
            </Link>
          ) : null}
          {query.data?.live ? (
            <ActionButtons server={server} name={found.name} state={found.state} />
          ) : null}
        </>
      ) : query.data ? (
        <span className="text-ink-2">There is no such container on this host (any more).</span>
      ) : null}
    </div>
  )
}

/** What a list shows of it, and its figures. */
export function ContainerOverview({ server, container }: { server: string; container: string }) {
  const query = useQuery(containersQuery(server))
  const newest = useNewestSample()
  return (
    <Loaded query={query} what="The container could not be loaded">
      {(list) => {
        const found = list.containers.find((one) => one.name === container)
        const figures = newest?.sample.containers?.find((one) => one.name === container)
        return (
          <dl className="card mt-3 grid gap-x-6 gap-y-2 p-4 sm:grid-cols-2 lg:grid-cols-3">
            <Fact label="State">{found?.status || found?.state}</Fact>
            <Fact label="Health">{found?.health ?? 'No check'}</Fact>
            <Fact label="Restarts">{count(figures?.restarts)}</Fact>
            <Fact label="CPU">
              {typeof figures?.cpu === 'number' ? `${figures.cpu.toFixed(1)} %` : '–'}
            </Fact>
            <Fact label="Memory">
              {bytes(figures?.mem)}
              {figures?.mem_limit ? ` of ${bytes(figures.mem_limit)}` : ''}
            </Fact>
            <Fact label="Network">
              ↓ {shortRate(figures?.rx)} ↑ {shortRate(figures?.tx)}
            </Fact>
            <Fact label="Disk">
              {shortRate(figures?.read)} / {shortRate(figures?.write)}
            </Fact>
            <Fact label="Image">
              {found?.image}
              {found?.newer_image ? ' (a newer one is on this host)' : ''}
            </Fact>
            <Fact label="Compose">
              {found?.project ? `${found.project} / ${found.service ?? ''}` : 'No project'}
            </Fact>
            <Fact label="Ports">{found?.ports.join(', ') || 'None'}</Fact>
            <Fact label="Made">
              {found?.created_at ? exact(Date.parse(found.created_at)) : '–'}
            </Fact>
            <Fact label="Id">
              <span className="break-all font-mono text-xs">{found?.id}</span>
            </Fact>
          </dl>
        )
      }}
    </Loaded>
  )
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-2xs text-ink-3">{label}</dt>
      <dd className="tnum">{children}</dd>
    </div>
  )
}

/** All that the engine says. */
export function ContainerInspect({ server, container }: { server: string; container: string }) {
  const query = useQuery(inspectQuery(server, container))
  return (
    <Loaded query={query} what="The container could not be inspected">
      {(inspected) => (
        <section aria-label="What the engine says" className="card mt-3 overflow-auto p-4">
          <pre className="font-mono text-xs">{JSON.stringify(inspected, null, 2)}</pre>
        </section>
      )}
    </Loaded>
  )
}

const CHANGES: Record<string, { text: string; tone: Tone }> = {
  started: { text: 'Started', tone: 'ok' },
  died: { text: 'Ended', tone: 'off' },
  out_of_memory: { text: 'Out of memory', tone: 'bad' },
  healthy: { text: 'Healthy', tone: 'ok' },
  unhealthy: { text: 'Unhealthy', tone: 'bad' },
}

/** What happened to it, with the last lines that it wrote. */
export function ContainerEvents({ server, container }: { server: string; container: string }) {
  const query = useQuery(containerEventsQuery(server, container))
  return (
    <Loaded query={query} what="The events could not be loaded">
      {({ events }) =>
        events.length === 0 ? (
          <p className="mt-3 text-ink-2">Nothing has happened to it since its host is watched.</p>
        ) : (
          <ol className="mt-3 flex flex-col gap-2">
            {events.map((event) => {
              const change = CHANGES[event.change] ?? { text: event.change, tone: 'off' as const }
              const failed = event.change === 'died' && event.exit_code !== 0
              return (
                <li key={event.id} className="card px-3 py-2">
                  <div className="flex flex-wrap items-center gap-2">
                    <StatusDot tone={failed ? 'bad' : change.tone} />
                    <span className="font-medium">{change.text}</span>
                    {event.exit_code === null ? null : (
                      <span className="tnum">exit code {event.exit_code}</span>
                    )}
                    <Ago at={Date.parse(event.at)} className="tnum text-ink-3 text-xs" />
                  </div>
                  {event.lines.length > 0 ? (
                    <pre className="mt-2 max-h-64 overflow-auto bg-sunken p-2 font-mono text-xs">
                      {event.lines.join('\n')}
                    </pre>
                  ) : null}
                </li>
              )
            })}
          </ol>
        )
      }
    </Loaded>
  )
}
