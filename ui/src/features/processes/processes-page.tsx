import { Activity, TriangleAlert } from 'lucide-react'
import { bytes } from '@/shared/lib/format'
import type { Process } from '@/shared/metrics/sample'
import { useNewestSample } from '@/shared/metrics/use-feed'
import { Badge } from '@/shared/ui/badge'
import { Empty } from '@/shared/ui/empty'
import { Ago } from '@/shared/ui/time'

/** The busiest processes of the newest reading. Read-only. */
export function ProcessesPage({
  memoryTotal,
  cores,
}: {
  memoryTotal: number | null
  cores: number | null
}) {
  const newest = useNewestSample()
  const byCpu = newest?.sample.top_cpu ?? []
  const byMem = newest?.sample.top_mem ?? []
  const failed = newest?.sample.failed_units ?? []
  if (byCpu.length === 0 && byMem.length === 0) {
    return (
      <Empty icon={<Activity aria-hidden="true" />} title="No processes to show">
        {newest
          ? 'The agent on this server does not send processes. Allow it there with the capability “processes”.'
          : 'They appear with the first reading of the agent.'}
      </Empty>
    )
  }
  return (
    <div className="mt-4 flex flex-col gap-4">
      {failed.length > 0 ? (
        <section
          aria-label="Failed units"
          className="flex flex-wrap items-center gap-2 rounded-lg bg-bad-soft px-3 py-2.5"
        >
          <TriangleAlert className="size-4 text-bad" aria-hidden="true" />
          <span className="font-medium text-bad">
            {failed.length === 1
              ? 'A systemd unit has failed'
              : `${failed.length} systemd units have failed`}
          </span>
          {failed.map((unit) => (
            <Badge key={unit}>{unit}</Badge>
          ))}
        </section>
      ) : null}
      <div className="grid gap-4 lg:grid-cols-2">
        <Top
          title="By processor time"
          note={cores ? `100 % is one core of ${cores}` : '100 % is one core'}
          list={byCpu}
          share={(process) => (typeof process.cpu === 'number' ? process.cpu / (cores ?? 1) : null)}
        />
        <Top
          title="By memory"
          note="Resident memory; shared pages count for every process"
          list={byMem}
          share={(process) =>
            process.mem && memoryTotal ? (100 * process.mem) / memoryTotal : null
          }
        />
      </div>
      {newest ? (
        <p className="text-2xs text-ink-3">
          Reading of <Ago at={newest.ts} className="tnum" />. Names only: arguments may hold secrets
          and never leave the host.
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
}: {
  title: string
  note: string
  list: Process[]
  share: (process: Process) => number | null
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
                    <span className="truncate font-medium">{process.name}</span>
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
