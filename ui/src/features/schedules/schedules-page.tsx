import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { CalendarClock, Plus } from 'lucide-react'
import type { Schedule } from '@/shared/api/model'
import { Button, buttonStyle } from '@/shared/ui/button'
import { Empty } from '@/shared/ui/empty'
import { Loaded } from '@/shared/ui/loaded'
import { StatusDot } from '@/shared/ui/status-dot'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { schedulesQuery } from './queries'
import { useSwitch } from './use-switch'

/** Jobs that are started again and again, by name. */
export function SchedulesPage() {
  const query = useQuery(schedulesQuery)
  const add = (
    <Link to="/schedules/new" className={buttonStyle({ variant: 'primary' })}>
      <Plus aria-hidden="true" />
      New schedule
    </Link>
  )
  return (
    <div className="mx-auto max-w-6xl px-4 py-6 sm:px-6">
      <div className="mb-4 flex flex-wrap items-center justify-between gap-3">
        <h1 className="font-semibold text-xl tracking-tight">Schedules</h1>
        {query.data && query.data.length > 0 ? add : null}
      </div>
      <Loaded query={query} what="The schedules could not be loaded">
        {(schedules) =>
          schedules.length === 0 ? (
            <Empty
              className="card max-w-none"
              icon={<CalendarClock aria-hidden="true" />}
              title="No schedules yet"
              action={add}
            >
              A schedule starts a job again and again: by a cron line in a time zone, with your
              rights as they are at each run.
            </Empty>
          ) : (
            <Table
              label="Schedules"
              columns={[
                'Schedule',
                'State',
                { title: 'When', className: 'max-md:hidden' },
                { title: 'Next run', className: 'max-sm:hidden' },
                { title: 'Last run', className: 'max-sm:hidden' },
                '',
              ]}
            >
              {schedules.map((schedule) => (
                <Row key={schedule.id} schedule={schedule} />
              ))}
            </Table>
          )
        }
      </Loaded>
    </div>
  )
}

function Row({ schedule }: { schedule: Schedule }) {
  const act = useSwitch(schedule)
  const [next] = schedule.next
  return (
    <tr>
      <th scope="row" className="w-full max-w-0">
        <Link
          to="/schedules/$id"
          params={{ id: schedule.id }}
          className="block truncate font-medium hover:underline"
        >
          {schedule.name}
        </Link>
        <code className="block truncate text-ink-3 text-xs">{schedule.plan.command}</code>
      </th>
      <td className="whitespace-nowrap">
        <span className="flex items-center gap-2">
          <StatusDot tone={schedule.enabled ? 'ok' : schedule.disabled_reason ? 'bad' : 'off'} />
          {schedule.enabled ? 'On' : 'Paused'}
        </span>
      </td>
      <td className="whitespace-nowrap max-md:hidden">
        <code className="font-mono text-xs">{schedule.cron}</code>
        <span className="block text-ink-3 text-xs">{schedule.zone}</span>
      </td>
      <td className="whitespace-nowrap text-ink-2 max-sm:hidden">
        {next ? <Ago at={next} /> : '–'}
      </td>
      <td className="whitespace-nowrap text-ink-2 max-sm:hidden">
        <LastRun schedule={schedule} />
      </td>
      <td className="whitespace-nowrap text-right">
        <Button
          size="sm"
          busy={act.isPending}
          aria-label={`${schedule.enabled ? 'Pause' : 'Resume'} ${schedule.name}`}
          onClick={() => act.mutate()}
        >
          {schedule.enabled ? 'Pause' : 'Resume'}
        </Button>
      </td>
    </tr>
  )
}

/** The newest run: its job, or why there is none. */
export function LastRun({ schedule }: { schedule: Schedule }) {
  const { last_planned: planned, last_job: job, last_reason: reason } = schedule
  if (!planned) return <span>Not yet</span>
  return (
    <span title={reason ?? undefined}>
      {job ? (
        <Link to="/jobs/$id" params={{ id: job }} className="hover:underline">
          <Ago at={planned} />
        </Link>
      ) : (
        <>
          <Ago at={planned} />
          <span className="text-warn">, left out</span>
        </>
      )}
    </span>
  )
}
