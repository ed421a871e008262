import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Layers, Plus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import type { Job } from '@/shared/api/model'
import { JobCells } from '@/shared/jobs/job-cells'
import { meQuery } from '@/shared/session/session'
import { Button } from '@/shared/ui/button'
import { Empty } from '@/shared/ui/empty'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import { TabNav, tabStyle } from '@/shared/ui/tab-nav'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { jobsQuery } from './jobs-query'

const NewJob = lazy(() => import('./new-job'))

const TABS = [
  { state: undefined, label: 'All' },
  { state: 'waiting', label: 'To approve' },
  { state: 'running', label: 'Running' },
  { state: 'ended', label: 'Over' },
] as const

export type JobsState = (typeof TABS)[number]['state']

/** One command on many servers, newest first. */
export function JobsPage({ state, onOpen }: { state: JobsState; onOpen: (id: string) => void }) {
  const query = useInfiniteQuery(jobsQuery(state))
  const { data: me } = useQuery(meQuery)
  const [starting, setStarting] = useState(false)
  const jobs = query.data?.pages.flatMap((page) => page.jobs) ?? []
  const start =
    me && me.role !== 'viewer' ? (
      <Button variant="primary" onClick={() => setStarting(true)}>
        <Plus aria-hidden="true" />
        New job
      </Button>
    ) : undefined
  return (
    <div className="mx-auto max-w-6xl px-4 py-6 sm:px-6">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <h1 className="font-semibold text-xl tracking-tight">Jobs</h1>
        {start}
      </div>
      <TabNav label="Jobs">
        {TABS.map((tab) => (
          <Link
            key={tab.label}
            to="/jobs"
            search={{ state: tab.state }}
            aria-current={tab.state === state ? 'page' : undefined}
            activeProps={{}}
            className={tabStyle}
          >
            {tab.label}
          </Link>
        ))}
      </TabNav>
      <div className="mt-4">
        {query.isError ? (
          <ProblemPanel
            className="mb-4"
            what="The jobs could not be loaded"
            error={query.error}
            onRetry={() => void query.refetch()}
          />
        ) : null}
        {query.isPending ? (
          <Late>
            <Skeleton className="h-64" />
          </Late>
        ) : jobs.length === 0 && !query.isError ? (
          <Empty
            className="card max-w-none"
            icon={<Layers aria-hidden="true" />}
            title={state === 'waiting' ? 'Nothing waits for you' : 'No jobs here'}
            action={state === 'waiting' ? undefined : start}
          >
            {state === 'waiting'
              ? 'Jobs on servers that need two persons show up here.'
              : 'A job runs one command on many servers, a few at a time, and stops when too many fail.'}
          </Empty>
        ) : jobs.length > 0 ? (
          <>
            <Table
              label="Jobs"
              columns={[
                'Job',
                'State',
                'Servers',
                { title: 'Who', className: 'max-md:hidden' },
                { title: 'Started', className: 'max-sm:hidden' },
              ]}
            >
              {jobs.map((job) => (
                <Row key={job.id} job={job} />
              ))}
            </Table>
            {query.hasNextPage ? (
              <Button
                className="mt-3"
                busy={query.isFetchingNextPage}
                onClick={() => void query.fetchNextPage()}
              >
                Show more
              </Button>
            ) : null}
          </>
        ) : null}
      </div>
      {starting ? (
        <Suspense>
          <NewJob onClose={() => setStarting(false)} onStarted={onOpen} />
        </Suspense>
      ) : null}
    </div>
  )
}

function Row({ job }: { job: Job }) {
  return (
    <tr>
      <th scope="row" className="w-full max-w-0">
        <Link
          to="/jobs/$id"
          params={{ id: job.id }}
          className="block truncate font-medium hover:underline"
        >
          {job.name ?? job.plan.command}
        </Link>
        {job.name ? (
          <code className="block truncate text-ink-3 text-xs">{job.plan.command}</code>
        ) : null}
      </th>
      <JobCells job={job} />
      <td className="whitespace-nowrap text-ink-2 max-md:hidden">{job.started_by_name ?? '–'}</td>
      <td className="whitespace-nowrap text-ink-2 max-sm:hidden">
        <Ago at={job.started_at} />
      </td>
    </tr>
  )
}
