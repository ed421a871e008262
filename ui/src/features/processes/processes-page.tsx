import { Activity } from 'lucide-react'
import type { AgentInfo, Server } from '@/shared/api/model'
import { bytes } from '@/shared/lib/format'
import type { Process } from '@/shared/metrics/sample'
import { useNewestSample } from '@/shared/metrics/use-feed'
import { Needs } from '@/shared/servers/needs'
import { Empty } from '@/shared/ui/empty'
import { Segmented } from '@/shared/ui/segmented'
import { Ago } from '@/shared/ui/time'
import { AllProcesses, type ProcessSearch } from './all-processes'

/** What runs on a host: the busiest as they are sent all the time, or all when somebody asks. */
export function ProcessesPage({
  server,
  mayAct,
  search,
  onSearch,
}: {
  server: Server
  /** The person may operate this server, and its host allows signals. */
  mayAct: boolean
  search: ProcessSearch
  onSearch: (change: ProcessSearch) => void
}) {
  return (
    <Needs server={server.id} capability="processes">
      <Segmented
        className="mt-4"
        label="Which processes"
        value={search.view ?? 'top'}
        options={[
          { value: 'top', label: 'Busiest, live' },
          { value: 'all', label: 'All' },
        ]}
        onChange={(view) =>
          onSearch({ view: view === 'all' ? view : undefined, q: undefined, tree: undefined })
        }
      />
      {search.view === 'all' ? (
        <AllProcesses server={server} mayAct={mayAct} search={search} onSearch={onSearch} />
      ) : (
        <Busiest agent={server.agent} onAll={(pid) => onSearch({ view: 'all', q: String(pid) })} />
      )}
    </Needs>
  )
}

/** The busiest processes of the newest reading. */
function Busiest({ agent, onAll }: { agent: AgentInfo | null; onAll: (pid: number) => void }) {
  const newest = useNewestSample()
  const byCpu = newest?.sample.top_cpu ?? []
  const byMem = newest?.sample.top_mem ?? []
  if (byCpu.length === 0 && byMem.length === 0) {
    return (
      <Empty icon={<Activity aria-hidden="true" />} title="No processes to show">
        They appear with the next reading of the agent.
      </Empty>
    )
  }
  const { cores, memory_total: memoryTotal } = agent ?? { cores: null, memory_total: null }
  return (
    <div className="mt-3 flex flex-col gap-4">
      <div className="grid gap-4 lg:grid-cols-2">
        <Top
          title="By processor time"
          note={cores ? `100 % is one core of ${cores}` : '100 % is one core'}
          list={byCpu}
          share={(process) => (typeof process.cpu === 'number' ? process.cpu / (cores ?? 1) : null)}
          onAll={onAll}
        />
        <Top
          title="By memory"
          note="Resident memory; shared pages count for every process"
          list={byMem}
          share={(process) =>
            process.mem && memoryTotal ? (100 * process.mem) / memoryTotal : null
          }
          onAll={onAll}
        />
      </div>
      {newest ? (
        <p className="text-2xs text-ink-3">
          Reading of <Ago at={newest.ts} className="tnum" />. Names only: arguments may hold secrets
          and are sent when somebody asks for the whole list, if the host allows commands.
        </p>
      ) : null}
    </div>
  )
}

function Top({
  title,
  note,
  list,
  share,
  onAll,
}: {
  title: string
  note: string
  list: Process[]
  share: (process: Process) => number | null
  /** Shows this one in the whole list. */
  onAll: (pid: number) => void
}) {
  return (
    <section className="card min-w-0 relative overflow-x-auto">
      <h2 className="px-3 pt-2.5 font-semibold">{title}</h2>
      <p className="px-3 pb-1 text-2xs text-ink-3">{note}</p>
      <table className="w-full table-fixed text-left">
        <thead>
          <tr className="text-2xs text-ink-3">
            <th scope="col" className="h-8 px-3 font-medium">
              Process
            </th>
            <th scope="col" className="w-24 px-3 font-medium max-sm:hidden">
              User
            </th>
            <th scope="col" className="w-20 px-3 text-right font-medium">
              CPU
            </th>
            <th scope="col" className="w-24 px-3 text-right font-medium">
              Memory
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((process) => {
            const part = share(process)
            return (
              <tr key={process.pid} className="relative border-line border-t">
                <th scope="row" className="relative h-9 px-3 font-normal">
                  <span
                    aria-hidden="true"
                    className="absolute inset-y-1 left-1 rounded bg-accent-soft"
                    style={{ width: `calc(${Math.min(100, Math.max(0, part ?? 0))}% - 4px)` }}
                  />
                  <span className="relative flex min-w-0 items-baseline gap-2">
                    <button
                      type="button"
                      onClick={() => onAll(process.pid)}
                      className="min-w-0 truncate font-medium hover:underline"
                    >
                      {process.name}
                    </button>
                    <span className="tnum shrink-0 text-2xs text-ink-3">{process.pid}</span>
                  </span>
                </th>
                <td className="truncate px-3 text-ink-2 max-sm:hidden">{process.user ?? ''}</td>
                <td className="tnum px-3 text-right">
                  {typeof process.cpu === 'number' ? `${process.cpu.toFixed(1)} %` : '–'}
                </td>
                <td className="tnum whitespace-nowrap px-3 text-right">{bytes(process.mem)}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </section>
  )
}
