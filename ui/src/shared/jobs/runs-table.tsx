import { queryOptions, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { api, unwrap } from '../api/client'
import { Loaded } from '../ui/loaded'
import { Table } from '../ui/table'
import { Ago } from '../ui/time'
import { JobCells } from './job-cells'

const RUNS = 20
const EVERY_MS = 5_000

/** Of one script or of one schedule. */
export interface RunsOf {
  script?: string
  schedule?: string
}

const runsQuery = (of: RunsOf) =>
  queryOptions({
    queryKey: ['jobs', 'runs', of],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET('/api/v1/jobs', { params: { query: { ...of, limit: RUNS } }, signal })))
        .jobs,
    refetchInterval: EVERY_MS,
  })

/** The newest jobs that were started from it. */
export function RunsTable({ of, none }: { of: RunsOf; none: string }) {
  const query = useQuery(runsQuery(of))
  return (
    <Loaded query={query} what="The runs could not be loaded">
      {(jobs) =>
        jobs.length === 0 ? (
          <p className="text-ink-2">{none}</p>
        ) : (
          <Table
            label="Runs"
            columns={['Run', 'State', 'Servers', { title: 'Who', className: 'max-sm:hidden' }]}
          >
            {jobs.map((job) => (
              <tr key={job.id}>
                <th scope="row" className="whitespace-nowrap">
                  <Link
                    to="/jobs/$id"
                    params={{ id: job.id }}
                    className="font-medium hover:underline"
                  >
                    <Ago at={job.started_at} />
                  </Link>
                  {job.plan.script_version ? (
                    <span className="ml-2 text-ink-3 text-xs">
                      version {job.plan.script_version}
                    </span>
                  ) : null}
                </th>
                <JobCells job={job} />
                <td className="w-full whitespace-nowrap text-ink-2 max-sm:hidden">
                  {job.started_by_name ?? '–'}
                </td>
              </tr>
            ))}
          </Table>
        )
      }
    </Loaded>
  )
}
