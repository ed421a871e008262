import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { FileCode2, Plus } from 'lucide-react'
import { scriptsQuery } from '@/shared/jobs/scripts-query'
import { Badge } from '@/shared/ui/badge'
import { buttonStyle } from '@/shared/ui/button'
import { Empty } from '@/shared/ui/empty'
import { Loaded } from '@/shared/ui/loaded'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'

/** What is kept under a name to be run again, by name. */
export function ScriptsPage() {
  const query = useQuery(scriptsQuery)
  const add = (
    <Link to="/scripts/new" className={buttonStyle({ variant: 'primary' })}>
      <Plus aria-hidden="true" />
      New script
    </Link>
  )
  return (
    <div className="mx-auto max-w-6xl px-4 py-6 sm:px-6">
      <div className="mb-4 flex flex-wrap items-center justify-between gap-3">
        <h1 className="font-semibold text-xl tracking-tight">Scripts</h1>
        {query.data && query.data.length > 0 ? add : null}
      </div>
      <Loaded query={query} what="The scripts could not be loaded">
        {(scripts) =>
          scripts.length === 0 ? (
            <Empty
              className="card max-w-none"
              icon={<FileCode2 aria-hidden="true" />}
              title="No scripts yet"
              action={add}
            >
              A script keeps under a name what is run again and again. What changes from run to run
              is a parameter: it reaches the script as a variable, so that no value can be a
              command.
            </Empty>
          ) : (
            <Table
              label="Scripts"
              columns={[
                'Script',
                { title: 'Parameters', className: 'max-sm:hidden' },
                { title: 'Version', className: 'max-md:hidden' },
                { title: 'Saved', className: 'max-md:hidden' },
              ]}
            >
              {scripts.map((script) => (
                <tr key={script.id}>
                  <th scope="row" className="w-full max-w-0">
                    <span className="flex items-center gap-2">
                      <Link
                        to="/scripts/$id"
                        params={{ id: script.id }}
                        className="truncate font-medium hover:underline"
                      >
                        {script.name}
                      </Link>
                      {script.needs_approval ? <Badge tone="warn">needs approval</Badge> : null}
                    </span>
                    <span className="block truncate text-ink-3 text-xs">
                      {script.description ?? script.command ?? script.argv?.join(' ')}
                    </span>
                  </th>
                  <td className="whitespace-nowrap text-ink-2 max-sm:hidden">
                    {script.parameters.map(({ name }) => name).join(', ') || 'None'}
                  </td>
                  <td className="tnum whitespace-nowrap text-ink-2 max-md:hidden">
                    {script.version}
                  </td>
                  <td className="whitespace-nowrap text-ink-2 max-md:hidden">
                    <Ago at={script.saved_at} />
                    {script.saved_by_name ? ` by ${script.saved_by_name}` : ''}
                  </td>
                </tr>
              ))}
            </Table>
          )
        }
      </Loaded>
    </div>
  )
}
