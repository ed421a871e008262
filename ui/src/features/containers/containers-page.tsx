import { Box } from 'lucide-react'
import { cn } from '@/shared/lib/cn'
import { bytes, count, shortRate } from '@/shared/lib/format'
import type { Container } from '@/shared/metrics/sample'
import { useNewestSample } from '@/shared/metrics/use-feed'
import { Empty } from '@/shared/ui/empty'
import { StatusDot, type Tone } from '@/shared/ui/status-dot'

interface Condition {
  tone: Tone
  text: string
}

function condition({ state, health }: Container): Condition {
  if (state === 'running') {
    if (health === 'unhealthy') return { tone: 'bad', text: 'Unhealthy' }
    if (health === 'starting') return { tone: 'warn', text: 'Starting' }
    return { tone: 'ok', text: health === 'healthy' ? 'Healthy' : 'Running' }
  }
  if (state === 'restarting') return { tone: 'bad', text: 'Restarting' }
  if (state === 'paused') return { tone: 'warn', text: 'Paused' }
  if (state === 'dead') return { tone: 'bad', text: 'Dead' }
  return { tone: 'off', text: state ? `${state[0]?.toUpperCase()}${state.slice(1)}` : 'Unknown' }
}

function byProject(list: Container[]): [string, Container[]][] {
  const groups = new Map<string, Container[]>()
  for (const container of list) {
    const key = container.project ?? ''
    groups.set(key, [...(groups.get(key) ?? []), container])
  }
  const sorted = [...groups].sort(([a], [b]) => (a === '' ? 1 : b === '' ? -1 : a.localeCompare(b)))
  for (const [, members] of sorted) members.sort((a, b) => a.name.localeCompare(b.name))
  return sorted
}

/** The containers of the newest reading, by compose project. Read-only. */
export function ContainersPage() {
  const newest = useNewestSample()
  const list = newest?.sample.containers ?? []
  if (list.length === 0) {
    return (
      <Empty icon={<Box aria-hidden="true" />} title="No containers">
        {newest
          ? 'No container runs here, or the agent may not ask the engine: it needs the capability “docker” and access to its socket.'
          : 'They appear with the first reading of the agent.'}
      </Empty>
    )
  }
  const groups = byProject(list)
  return (
    <div className="mt-4 flex flex-col gap-4">
      {groups.map(([project, members]) => (
        <section
          key={project}
          className="card min-w-0 relative overflow-x-auto"
          aria-label={project || 'No project'}
        >
          {groups.length > 1 || project !== '' ? (
            <h2 className="px-3 pt-2.5 font-semibold">{project || 'Without a project'}</h2>
          ) : null}
          <table className="w-full text-left">
            <thead>
              <tr className="text-2xs text-ink-3">
                <th scope="col" className="h-9 px-3 font-medium">
                  Name
                </th>
                <th scope="col" className="w-32 px-3 font-medium">
                  State
                </th>
                <th scope="col" className="w-24 px-3 text-right font-medium">
                  CPU
                </th>
                <th scope="col" className="w-44 px-3 text-right font-medium">
                  Memory
                </th>
                <th scope="col" className="w-36 px-3 text-right font-medium max-lg:hidden">
                  Network
                </th>
                <th scope="col" className="w-36 px-3 text-right font-medium max-lg:hidden">
                  Disk
                </th>
                <th scope="col" className="w-20 px-3 text-right font-medium max-md:hidden">
                  Restarts
                </th>
              </tr>
            </thead>
            <tbody>
              {members.map((container) => (
                <ContainerRow key={container.id} container={container} />
              ))}
            </tbody>
          </table>
        </section>
      ))}
    </div>
  )
}

function ContainerRow({ container }: { container: Container }) {
  const { tone, text } = condition(container)
  const { cpu, mem, mem_limit, rx, tx, read, write, restarts } = container
  return (
    <tr className="border-line border-t">
      <th scope="row" className="h-11 max-w-72 px-3 font-normal">
        <span className="block truncate font-medium">{container.name}</span>
        <span className="block truncate text-2xs text-ink-3" title={container.image ?? undefined}>
          {container.image}
        </span>
      </th>
      <td className="px-3">
        <span className="flex items-center gap-2">
          <StatusDot tone={tone} />
          {text}
        </span>
      </td>
      <td className="tnum whitespace-nowrap px-3 text-right">
        {typeof cpu === 'number' ? `${cpu.toFixed(1)} %` : '–'}
      </td>
      <td className="tnum whitespace-nowrap px-3 text-right">
        {bytes(mem)}
        {mem_limit ? <span className="text-ink-3"> of {bytes(mem_limit)}</span> : null}
      </td>
      <td className="tnum whitespace-nowrap px-3 text-right max-lg:hidden">
        ↓ {shortRate(rx)} ↑ {shortRate(tx)}
      </td>
      <td className="tnum whitespace-nowrap px-3 text-right max-lg:hidden">
        {shortRate(read)} / {shortRate(write)}
      </td>
      <td
        className={cn(
          'tnum px-3 text-right max-md:hidden',
          typeof restarts === 'number' && restarts > 0 && 'font-medium text-warn',
        )}
      >
        {count(restarts)}
      </td>
    </tr>
  )
}
