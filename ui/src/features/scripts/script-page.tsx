import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ChevronRight, Pencil, Play } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { accept, api } from '@/shared/api/client'
import type { Script, ScriptParameter } from '@/shared/api/model'
import { RunsTable } from '@/shared/jobs/runs-table'
import { usePageTitle } from '@/shared/lib/page-title'
import { Badge } from '@/shared/ui/badge'
import { Button, buttonStyle } from '@/shared/ui/button'
import { Confirm } from '@/shared/ui/confirm'
import { Loaded } from '@/shared/ui/loaded'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { toast } from '@/shared/ui/toast'
import { scriptQuery, versionsQuery } from './queries'

/** One script: what it runs, what is filled in, its runs and its earlier versions. */
export function ScriptPage({
  id,
  onRun,
  onDeleted,
}: {
  id: string
  onRun: () => void
  onDeleted: () => void
}) {
  const query = useQuery(scriptQuery(id))
  usePageTitle(query.data?.name ?? 'Script')
  return (
    <div className="mx-auto max-w-6xl px-4 py-6 sm:px-6">
      <Link to="/scripts" className="text-ink-2 text-sm hover:underline">
        Scripts
      </Link>
      <Loaded query={query} what="The script could not be loaded">
        {(script) => (
          <>
            <Head script={script} onRun={onRun} onDeleted={onDeleted} />
            <Section title="Runs">
              <RunsTable of={{ script: id }} none="It has not been run yet." />
            </Section>
            <Section title="Versions">
              <Versions id={id} version={script.version} />
            </Section>
          </>
        )}
      </Loaded>
    </div>
  )
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="mt-8">
      <h2 className="mb-2 font-medium">{title}</h2>
      {children}
    </section>
  )
}

function Head({
  script,
  onRun,
  onDeleted,
}: {
  script: Script
  onRun: () => void
  onDeleted: () => void
}) {
  const client = useQueryClient()
  const [deleting, setDeleting] = useState(false)
  return (
    <>
      <div className="mt-1 flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0">
          <h1 className="break-words font-semibold text-xl tracking-tight">{script.name}</h1>
          {script.description ? <p className="text-ink-2">{script.description}</p> : null}
        </div>
        <div className="flex flex-wrap gap-2">
          <Button variant="primary" onClick={onRun}>
            <Play aria-hidden="true" />
            Run
          </Button>
          {script.may_change ? (
            <>
              <Link to="/scripts/$id/edit" params={{ id: script.id }} className={buttonStyle()}>
                <Pencil aria-hidden="true" />
                Edit
              </Link>
              <Button variant="dangerQuiet" onClick={() => setDeleting(true)}>
                Delete
              </Button>
            </>
          ) : null}
        </div>
      </div>
      <Program script={script} />
      <p className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-1 text-ink-3 text-xs">
        <span>Version {script.version}</span>
        <span>May run for {script.timeout_s} s</span>
        {script.cwd ? <span>In {script.cwd}</span> : null}
        {script.needs_approval ? (
          <Badge tone="warn">Another person has to approve each run</Badge>
        ) : null}
      </p>
      {script.parameters.length > 0 ? (
        <Section title="Parameters">
          <Table
            label="Parameters"
            columns={['Name', 'Kind', 'Usually', { title: 'For', className: 'max-sm:hidden' }]}
          >
            {script.parameters.map((parameter) => (
              <tr key={parameter.name}>
                <th scope="row" className="whitespace-nowrap font-mono text-sm">
                  {parameter.name}
                </th>
                <td className="whitespace-nowrap">
                  {kindText(parameter)}
                  {parameter.required ? ', needed' : ''}
                </td>
                <td className="whitespace-nowrap text-ink-2">{parameter.default ?? '–'}</td>
                <td className="w-full text-ink-2 max-sm:hidden">{parameter.description ?? ''}</td>
              </tr>
            ))}
          </Table>
        </Section>
      ) : null}
      <Confirm
        open={deleting}
        onOpenChange={setDeleting}
        title={`Delete the script ${script.name}?`}
        action={`Delete ${script.name}`}
        effects="Nobody can run it any more. What it did stays in the history, and schedules go on with the version that they hold."
        onConfirm={async () => {
          await accept(api.DELETE('/api/v1/scripts/{id}', { params: { path: { id: script.id } } }))
          toast({ tone: 'ok', title: 'Script deleted', detail: script.name })
          onDeleted()
          client.removeQueries({ queryKey: ['scripts', script.id] })
          void client.invalidateQueries({ queryKey: ['scripts'], exact: true })
        }}
      />
    </>
  )
}

const KINDS: Record<ScriptParameter['kind'], string> = {
  text: 'Text',
  number: 'Number',
  flag: 'Yes or no',
  choice: 'Choice',
  secret: 'Secret',
}

const kindText = ({ kind, choices }: ScriptParameter) =>
  kind === 'choice' ? (choices ?? []).join(', ') : KINDS[kind]

function Program({ script }: { script: Script }) {
  return (
    <pre className="mt-3 max-h-96 overflow-auto whitespace-pre-wrap break-words rounded-lg border border-line bg-sunken p-3 text-sm">
      {script.command ?? script.argv?.join('\n')}
    </pre>
  )
}

function Versions({ id, version }: { id: string; version: number }) {
  const query = useQuery(versionsQuery(id, version))
  return (
    <Loaded query={query} what="The versions could not be loaded">
      {(versions) => (
        <ol className="card divide-y divide-line">
          {versions.map((one) => (
            <li key={one.version}>
              <details className="group">
                <summary className="flex min-h-10 cursor-pointer list-none flex-wrap items-center gap-x-3 px-3 py-1.5">
                  <ChevronRight
                    aria-hidden="true"
                    className="size-4 text-ink-3 transition-transform group-open:rotate-90"
                  />
                  <span className="font-medium">Version {one.version}</span>
                  {one.version === version ? <Badge>now</Badge> : null}
                  <span className="text-ink-2">
                    <Ago at={one.saved_at} />
                    {one.saved_by_name ? ` by ${one.saved_by_name}` : ''}
                  </span>
                </summary>
                <div className="px-3 pb-3">
                  <Program script={one} />
                  <p className="mt-2 text-ink-3 text-xs">
                    {one.name}; {one.timeout_s} s;{' '}
                    {one.parameters.length === 0
                      ? 'no parameters'
                      : one.parameters.map(({ name }) => name).join(', ')}
                  </p>
                </div>
              </details>
            </li>
          ))}
        </ol>
      )}
    </Loaded>
  )
}
