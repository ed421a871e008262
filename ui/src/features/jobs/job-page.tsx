import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { Job, JobGroup, JobHost } from '@/shared/api/model'
import { hostSaid, jobSaid } from '@/shared/jobs/job-words'
import { milliseconds, plural } from '@/shared/lib/format'
import { meQuery } from '@/shared/session/session'
import { Approval, type Verdict } from '@/shared/ui/approval'
import { Button } from '@/shared/ui/button'
import { Loaded } from '@/shared/ui/loaded'
import { StatusDot } from '@/shared/ui/status-dot'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { toastProblem } from '@/shared/ui/toast'
import { hostsQuery, isOver, jobQuery } from './jobs-query'
import { useLiveJob } from './use-live-job'

/** One job: what it does, how far it is, each server, and which of them said the same. */
export function JobPage({ id }: { id: string }) {
  const query = useQuery(jobQuery(id))
  return (
    <div className="mx-auto max-w-6xl px-4 py-6 sm:px-6">
      <Link to="/jobs" className="text-ink-2 text-sm hover:underline">
        Jobs
      </Link>
      <Loaded query={query} what="The job could not be loaded">
        {(job) => (
          <>
            <Head job={job} />
            <Hosts job={job} />
          </>
        )}
      </Loaded>
    </div>
  )
}

type Deed = Verdict | 'cancel' | 'pause' | 'resume' | 'retry'

const WORDS: Record<Exclude<Deed, Verdict>, string> = {
  cancel: 'Cancel the job',
  pause: 'Pause',
  resume: 'Resume',
  retry: 'Retry failed only',
}

const at = (id: string) => ({ params: { path: { id } } })

const DO: Record<Deed, (id: string) => Promise<Job>> = {
  approve: (id) => unwrap(api.POST('/api/v1/jobs/{id}/approve', at(id))),
  cancel: (id) => unwrap(api.POST('/api/v1/jobs/{id}/cancel', at(id))),
  deny: (id) => unwrap(api.POST('/api/v1/jobs/{id}/deny', at(id))),
  pause: (id) => unwrap(api.POST('/api/v1/jobs/{id}/pause', at(id))),
  resume: (id) => unwrap(api.POST('/api/v1/jobs/{id}/resume', at(id))),
  retry: (id) => unwrap(api.POST('/api/v1/jobs/{id}/retry', at(id))),
}

function deedsOf(job: Job, mine: boolean): Exclude<Deed, Verdict>[] {
  switch (job.state) {
    case 'waiting':
      return mine ? ['cancel'] : []
    case 'running':
      return ['pause', 'cancel']
    case 'paused':
      return ['resume', 'cancel']
    case 'ended':
      return job.failed ? ['retry'] : []
    default:
      return []
  }
}

const verdictOf = (deed: Deed | undefined): Verdict | null =>
  deed === 'approve' || deed === 'deny' ? deed : null

function Head({ job }: { job: Job }) {
  const said = jobSaid(job)
  const client = useQueryClient()
  const navigate = useNavigate()
  const { data: me } = useQuery(meQuery)
  const act = useMutation({
    mutationFn: (deed: Deed) => DO[deed](job.id),
    onSuccess: (changed) => {
      if (changed.id !== job.id) {
        void navigate({ to: '/jobs/$id', params: { id: changed.id } })
      }
      return client.invalidateQueries({ queryKey: ['jobs'] })
    },
    onError: (error) => toastProblem('It was not done', error),
  })
  const own = me !== undefined && job.started_by === me.id
  const mayAct = me !== undefined && me.role !== 'viewer'
  const deeds = mayAct ? deedsOf(job, own) : []
  return (
    <>
      <div className="mt-1 flex flex-wrap items-center justify-between gap-3">
        <h1 className="min-w-0 truncate font-semibold text-xl tracking-tight">
          {job.name ?? job.plan.command}
        </h1>
        <div className="flex flex-wrap gap-2">
          {deeds.map((deed) => (
            <Button
              key={deed}
              variant={deed === 'cancel' ? 'dangerQuiet' : 'outline'}
              busy={act.isPending && act.variables === deed}
              onClick={() => act.mutate(deed)}
            >
              {WORDS[deed]}
            </Button>
          ))}
        </div>
      </div>
      <p role="status" className="mt-1 flex flex-wrap items-center gap-x-2 text-ink-2">
        <StatusDot tone={said.tone} />
        <span className="font-medium text-ink">{said.word}</span>
        {job.message ? <span>{job.message}</span> : null}
        <span>
          by {job.started_by_name ?? 'somebody who is gone'} <Ago at={job.started_at} />
        </span>
      </p>
      <pre className="mt-3 whitespace-pre-wrap break-words rounded-lg border border-line bg-sunken p-3 text-sm">
        {job.plan.command}
      </pre>
      <p className="mt-2 text-ink-3 text-xs">
        {plural(job.hosts, 'server', 'servers')}, {job.plan.concurrency} at the same time
        {job.plan.canary > 0 ? `, the first ${job.plan.canary} alone` : ''}
        {job.plan.stop_after > 0 ? `, stops after ${job.plan.stop_after} failures` : ''}
      </p>
      {job.state === 'waiting' ? (
        <div className="mt-4">
          <Approval
            who={job.started_by_name}
            asked={job.started_at}
            until={job.approve_until}
            own={own}
            mayDecide={mayAct}
            busy={verdictOf(act.isPending ? act.variables : undefined)}
            onDecide={(verdict) => act.mutate(verdict)}
          />
        </div>
      ) : null}
    </>
  )
}

function Hosts({ job }: { job: Job }) {
  useLiveJob(job.id, isOver(job))
  const query = useQuery(hostsQuery(job.id, isOver(job)))
  const [group, setGroup] = useState<number | null>(null)
  return (
    <Loaded query={query} what="The servers could not be loaded">
      {({ hosts, groups, hidden }) => (
        <>
          {groups.length > 0 ? (
            <section aria-label="Outputs" className="mt-6">
              <h2 className="font-medium">
                {groups.length === 1 ? 'All said the same' : `${groups.length} different outputs`}
              </h2>
              <div className="mt-2 flex flex-col gap-3">
                {groups.map((one, index) => (
                  <Output
                    key={one.command}
                    group={one}
                    chosen={group === index}
                    onChoose={() => setGroup(group === index ? null : index)}
                  />
                ))}
              </div>
            </section>
          ) : null}
          <section aria-label="Servers" className="mt-6">
            <div className="mb-2 flex items-center justify-between">
              <h2 className="font-medium">
                {group === null ? 'Servers' : `Servers with output ${group + 1}`}
              </h2>
              {group === null ? null : (
                <Button size="sm" onClick={() => setGroup(null)}>
                  Show all
                </Button>
              )}
            </div>
            <Table label="Servers of the job" columns={['Server', 'State', 'Time', '']}>
              {hosts
                .filter((host) => group === null || host.group === group)
                .map((host) => (
                  <HostRow key={host.server} host={host} />
                ))}
            </Table>
            {hidden > 0 ? (
              <p className="mt-2 text-ink-3 text-xs">
                {plural(hidden, 'server', 'servers')} of this job are not yours to see.
              </p>
            ) : null}
          </section>
        </>
      )}
    </Loaded>
  )
}

function Output({
  group,
  chosen,
  onChoose,
}: {
  group: JobGroup
  chosen: boolean
  onChoose: () => void
}) {
  const said = hostSaid(group)
  return (
    <article className="rounded-lg border border-line bg-surface">
      <div className="flex items-center justify-between gap-2 border-line border-b px-3 py-1.5">
        <span className="flex items-center gap-2 text-sm">
          <StatusDot tone={said.tone} />
          {said.word}
        </span>
        <Button size="sm" aria-pressed={chosen} onClick={onChoose}>
          {plural(group.hosts, 'server', 'servers')}
        </Button>
      </div>
      <pre className="whitespace-pre-wrap break-words p-3 text-sm">
        {group.output === '' ? 'No output' : group.output}
      </pre>
      {group.more ? (
        <p className="px-3 pb-2 text-ink-3 text-xs">There is more than is shown here.</p>
      ) : null}
    </article>
  )
}

function HostRow({ host }: { host: JobHost }) {
  const said = hostSaid(host)
  return (
    <tr>
      <th scope="row" className="w-full">
        <Link to="/servers/$id" params={{ id: host.server }} className="hover:underline">
          {host.name}
        </Link>
        {host.message ? <span className="block text-ink-3 text-xs">{host.message}</span> : null}
      </th>
      <td className="whitespace-nowrap">
        <span className="flex items-center gap-2">
          <StatusDot tone={said.tone} />
          {said.word}
        </span>
      </td>
      <td className="whitespace-nowrap text-ink-2 tabular-nums">
        {milliseconds(host.duration_ms)}
      </td>
      <td className="whitespace-nowrap text-right">
        {host.state === 'waiting' || host.state === 'skipped' ? null : (
          <Link
            to="/commands/$commandId"
            params={{ commandId: host.command }}
            className="text-accent hover:underline"
          >
            Command
          </Link>
        )}
      </td>
    </tr>
  )
}
