import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Pause, Pencil, Play } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { accept, api } from '@/shared/api/client'
import type { Schedule } from '@/shared/api/model'
import { useFleetSnapshot } from '@/shared/fleet/fleet'
import { RunsTable } from '@/shared/jobs/runs-table'
import { plural } from '@/shared/lib/format'
import { usePageTitle } from '@/shared/lib/page-title'
import { NextRuns } from '@/shared/schedules/next-runs'
import { Button, buttonStyle } from '@/shared/ui/button'
import { Confirm } from '@/shared/ui/confirm'
import { Loaded } from '@/shared/ui/loaded'
import { StatusDot } from '@/shared/ui/status-dot'
import { Ago } from '@/shared/ui/time'
import { toast } from '@/shared/ui/toast'
import { scheduleQuery, schedulesQuery } from './queries'
import { LastRun } from './schedules-page'
import { useSwitch } from './use-switch'
import { missedText, whereText } from './words'

/** One schedule: what it starts, when it does so next, and what became of its runs. */
export function SchedulePage({ id, onDeleted }: { id: string; onDeleted: () => void }) {
  const query = useQuery(scheduleQuery(id))
  usePageTitle(query.data?.name ?? 'Schedule')
  return (
    <div className="mx-auto max-w-6xl px-4 py-6 sm:px-6">
      <Link to="/schedules" className="text-ink-2 text-sm hover:underline">
        Schedules
      </Link>
      <Loaded query={query} what="The schedule could not be loaded">
        {(schedule) => (
          <>
            <Head schedule={schedule} onDeleted={onDeleted} />
            <div className="mt-6 grid gap-6 md:grid-cols-2">
              <section aria-labelledby="next-runs" className="card p-4">
                <h2 id="next-runs" className="mb-2 font-medium">
                  Next runs
                </h2>
                {schedule.enabled ? (
                  <NextRuns next={schedule.next} zone={schedule.zone} />
                ) : (
                  <p className="text-ink-2">None while it is paused.</p>
                )}
              </section>
              <Facts schedule={schedule} />
            </div>
            <section aria-label="Runs" className="mt-8">
              <h2 className="mb-2 font-medium">Runs</h2>
              <RunsTable of={{ schedule: id }} none="It has not run yet." />
            </section>
          </>
        )}
      </Loaded>
    </div>
  )
}

function Head({ schedule, onDeleted }: { schedule: Schedule; onDeleted: () => void }) {
  const client = useQueryClient()
  const act = useSwitch(schedule)
  const [deleting, setDeleting] = useState(false)
  const { id, name, enabled, disabled_reason: reason } = schedule
  return (
    <>
      <div className="mt-1 flex flex-wrap items-start justify-between gap-3">
        <h1 className="min-w-0 break-words font-semibold text-xl tracking-tight">{name}</h1>
        <div className="flex flex-wrap gap-2">
          <Button
            variant={enabled ? 'outline' : 'primary'}
            busy={act.isPending}
            onClick={() => act.mutate()}
          >
            {enabled ? <Pause aria-hidden="true" /> : <Play aria-hidden="true" />}
            {enabled ? 'Pause' : 'Resume'}
          </Button>
          <Link to="/schedules/$id/edit" params={{ id }} className={buttonStyle()}>
            <Pencil aria-hidden="true" />
            Edit
          </Link>
          <Button variant="dangerQuiet" onClick={() => setDeleting(true)}>
            Delete
          </Button>
        </div>
      </div>
      <p role="status" className="mt-1 flex flex-wrap items-center gap-x-2 text-ink-2">
        <StatusDot tone={enabled ? 'ok' : reason ? 'bad' : 'off'} />
        <span className="font-medium text-ink">{enabled ? 'On' : 'Paused'}</span>
        {reason ? <span>{reason}</span> : null}
      </p>
      <pre className="mt-3 max-h-72 overflow-auto whitespace-pre-wrap break-words rounded-lg border border-line bg-sunken p-3 text-sm">
        {schedule.plan.command}
      </pre>
      <Confirm
        open={deleting}
        onOpenChange={setDeleting}
        title={`Delete the schedule ${name}?`}
        action={`Delete ${name}`}
        effects="It starts nothing any more, and values that were kept for it are erased. Its runs stay in the history."
        onConfirm={async () => {
          await accept(api.DELETE('/api/v1/schedules/{id}', { params: { path: { id } } }))
          toast({ tone: 'ok', title: 'Schedule deleted', detail: name })
          onDeleted()
          client.removeQueries({ queryKey: scheduleQuery(id).queryKey })
          void client.invalidateQueries({ queryKey: schedulesQuery.queryKey, exact: true })
        }}
      />
    </>
  )
}

function Facts({ schedule }: { schedule: Schedule }) {
  const { plan } = schedule
  const { byId } = useFleetSnapshot()
  const nameOf = (id: string) => byId.get(id)?.server.name ?? id
  return (
    <dl className="card flex flex-col gap-2 p-4">
      <Fact label="When">
        <code className="font-mono">{schedule.cron}</code> in {schedule.zone}
      </Fact>
      <Fact label="Missed runs">are {missedText(schedule)}</Fact>
      <Fact label="Where">{whereText(schedule, nameOf)}</Fact>
      <Fact label="How">
        {plural(plan.concurrency, 'server', 'servers')} at the same time
        {plan.canary > 0 ? `, the first ${plan.canary} alone` : ''}
        {plan.stop_after > 0
          ? `, stops after ${plural(plan.stop_after, 'failure', 'failures')}`
          : ''}
      </Fact>
      {plan.script ? (
        <Fact label="Script">
          <Link to="/scripts/$id" params={{ id: plan.script }} className="hover:underline">
            version {plan.script_version}
          </Link>
        </Fact>
      ) : null}
      <Fact label="Last run">
        <LastRun schedule={schedule} />
        {schedule.last_reason ? (
          <span className="block text-ink-3 text-xs">{schedule.last_reason}</span>
        ) : null}
      </Fact>
      <Fact label="Rights of">
        {schedule.saved_by_name ?? 'somebody who is gone'}, saved <Ago at={schedule.saved_at} />
      </Fact>
    </dl>
  )
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="grid gap-x-4 sm:grid-cols-[7rem_1fr]">
      <dt className="text-ink-3 max-sm:text-xs">{label}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </div>
  )
}
