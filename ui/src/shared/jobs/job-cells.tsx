import type { Job } from '../api/model'
import { plural } from '../lib/format'
import { StatusDot } from '../ui/status-dot'
import { jobSaid } from './job-words'

/** What a list tells of a job: how it stands, and on how many servers. */
export function JobCells({ job }: { job: Job }) {
  const said = jobSaid(job)
  return (
    <>
      <td className="whitespace-nowrap">
        <span className="flex items-center gap-2">
          <StatusDot tone={said.tone} />
          {said.word}
        </span>
      </td>
      <td className="tnum whitespace-nowrap text-ink-2">
        {plural(job.hosts, 'server', 'servers')}
        {job.failed ? <span className="text-bad">, {job.failed} failed</span> : null}
      </td>
    </>
  )
}
