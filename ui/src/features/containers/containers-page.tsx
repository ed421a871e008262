import { useQuery } from '@tanstack/react-query'
import { Box } from 'lucide-react'
import { useMemo, useState } from 'react'
import { bytes } from '@/shared/lib/format'
import type { Container } from '@/shared/metrics/sample'
import { useNewestSample } from '@/shared/metrics/use-feed'
import { Badge } from '@/shared/ui/badge'
import { Empty } from '@/shared/ui/empty'
import { Loaded } from '@/shared/ui/loaded'
import { StatusDot } from '@/shared/ui/status-dot'
import { Ago } from '@/shared/ui/time'
import { ActionButtons } from './action-buttons'
import { Bulk } from './bulk'
import { containersQuery, type HostContainer } from './queries'
import { Spark, useSparks } from './spark'
import { byProject, condition } from './state'

/** The containers of a host by compose project, as the host answers; figures come from its samples. */
export function ContainersPage({ server }: { server: string }) {
  const query = useQuery(containersQuery(server))
  const newest = useNewestSample()
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const everyName = useMemo(
    () => (query.data?.containers ?? []).map((one) => one.name).sort(),
    [query.data],
  )
  const spark = useSparks(server, everyName)
  const figures = useMemo(
    () => new Map((newest?.sample.containers ?? []).map((one) => [one.name, one])),
    [newest],
  )
  return (
    <div className="mt-4">
      <Loaded query={query} what="The containers could not be loaded">
        {(list) => {
          const groups = byProject(list.containers)
          const names = list.containers.map((one) => one.name).filter((name) => chosen.has(name))
          const choose = (name: string, on: boolean) => {
            const next = new Set(chosen)
            if (on) next.add(name)
            else next.delete(name)
            setChosen(next)
          }
          if (groups.length === 0) {
            return (
              <Empty icon={<Box aria-hidden="true" />} title="No containers">
                {list.live
                  ? `${list.engine} runs here and has none. Start one: docker run …`
                  : list.reason}
              </Empty>
            )
          }
          return (
            <>
              <p className="mb-3 flex flex-wrap items-center gap-2 text-ink-2">
                {list.live ? (
                  <span>{list.engine}</span>
                ) : (
                  <span role="status">
                    {list.reason} (as it was <Ago at={Date.parse(list.at)} />)
                  </span>
                )}
              </p>
              <Bulk server={server} names={names} onDone={() => setChosen(new Set())} />
              <div className="flex flex-col gap-4">
                {groups.map(([project, members]) => (
                  <section
                    key={project}
                    className="card relative min-w-0 overflow-x-auto"
                    aria-label={project || 'No project'}
                  >
                    {groups.length > 1 || project !== '' ? (
                      <h2 className="px-3 pt-2.5 font-semibold">
                        {project || 'Without a project'}
                      </h2>
                    ) : null}
                    <table className="w-full text-left">
                      <thead>
                        <tr className="text-2xs text-ink-3">
                          <th scope="col" className="w-9 pl-3">
                            <span className="sr-only">Choose</span>
                          </th>
                          <th scope="col" className="h-9 px-3 font-medium">
                            Name
                          </th>
                          <th scope="col" className="w-40 px-3 font-medium">
                            State
                          </th>
                          <th scope="col" className="w-36 px-3 text-right font-medium">
                            CPU
                          </th>
                          <th scope="col" className="w-40 px-3 text-right font-medium">
                            Memory
                          </th>
                          <th scope="col" className="px-3 font-medium max-lg:hidden">
                            Ports
                          </th>
                          <th scope="col" className="px-3 font-medium">
                            Actions
                          </th>
                        </tr>
                      </thead>
                      <tbody>
                        {members.map((container) => (
                          <Row
                            key={container.id}
                            server={server}
                            container={container}
                            figures={figures.get(container.name)}
                            cpuLine={spark(container.name, 'cpu')}
                            memLine={spark(container.name, 'mem')}
                            live={list.live}
                            chosen={chosen.has(container.name)}
                            onChoose={(on) => choose(container.name, on)}
                          />
                        ))}
                      </tbody>
                    </table>
                  </section>
                ))}
              </div>
            </>
          )
        }}
      </Loaded>
    </div>
  )
}

function Row({
  server,
  container,
  figures,
  cpuLine,
  memLine,
  live,
  chosen,
  onChoose,
}: {
  server: string
  container: HostContainer
  figures: Container | undefined
  /** Of the last hour. */
  cpuLine: readonly (number | null)[]
  memLine: readonly (number | null)[]
  live: boolean
  chosen: boolean
  onChoose: (on: boolean) => void
}) {
  const { tone, text } = condition(container.state, container.health)
  const { name } = container
  const href = `/servers/${encodeURIComponent(server)}/containers/${encodeURIComponent(name)}`
  const cpu = figures?.cpu
  return (
    <tr className="border-line border-t">
      <td className="pl-3">
        <input
          type="checkbox"
          aria-label={`Choose ${name}`}
          checked={chosen}
          disabled={!live}
          onChange={(event) => onChoose(event.target.checked)}
          className="size-4 accent-accent"
        />
      </td>
      <th scope="row" className="h-11 max-w-72 px-3 font-normal">
        <a href={href} className="block truncate font-medium hover:underline">
          {name}
        </a>
        <span className="flex items-center gap-2 text-2xs text-ink-3">
          <span className="truncate" title={container.image}>
            {container.image}
          </span>
          {container.newer_image ? <Badge>newer image here</Badge> : null}
        </span>
      </th>
      <td className="px-3">
        <span className="flex items-center gap-2">
          <StatusDot tone={tone} />
          {text}
        </span>
        <span className="block text-2xs text-ink-3">{container.status}</span>
      </td>
      <td className="tnum whitespace-nowrap px-3 text-right">
        <span className="flex items-center justify-end gap-2">
          <Spark values={cpuLine} />
          <span className="min-w-[7ch]">
            {typeof cpu === 'number' ? `${cpu.toFixed(1)} %` : '–'}
          </span>
        </span>
      </td>
      <td className="tnum whitespace-nowrap px-3 text-right">
        <span className="flex items-center justify-end gap-2">
          <Spark values={memLine} />
          <span className="min-w-[8ch]">{bytes(figures?.mem)}</span>
        </span>
      </td>
      <td className="max-w-56 truncate px-3 text-2xs max-lg:hidden">
        {container.ports.join(', ')}
      </td>
      <td className="px-3 py-1">
        {live ? <ActionButtons server={server} name={name} state={container.state} /> : null}
      </td>
    </tr>
  )
}
