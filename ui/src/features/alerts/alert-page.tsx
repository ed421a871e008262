/** One alert: why it fired, who changed the rule, what ran then, and all that became of it. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { BellOff, Check, CheckCheck, Undo2 } from 'lucide-react'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import type { AlertDetail } from '@/shared/api/model'
import { bytes, percent } from '@/shared/lib/format'
import { usePageTitle } from '@/shared/lib/page-title'
import { dateTime } from '@/shared/lib/time'
import { Button, buttonStyle } from '@/shared/ui/button'
import { Loaded } from '@/shared/ui/loaded'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { useAcknowledge, useResolve, useUnacknowledge } from './acts'
import { Lasting, SeverityMark, Standing, Values } from './alert-lines'
import { Life } from './life'
import { alertQuery } from './queries'
import { Readings } from './readings'

const AskNote = lazy(() => import('./ask-note'))

export function AlertPage({ id }: { id: string }) {
  const query = useQuery(alertQuery(id))
  usePageTitle(query.data ? query.data.name : 'Alert')
  return (
    <div className="mx-auto max-w-6xl px-4 py-6 sm:px-6">
      <Link to="/alerts" className="text-ink-2 text-sm hover:underline">
        Alerts
      </Link>
      <Loaded query={query} what="The alert could not be loaded">
        {(detail) => (
          <>
            <Head detail={detail} />
            <div className="mt-6 grid items-start gap-6 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
              <div className="flex min-w-0 flex-col gap-6">
                <Readings detail={detail} />
                <Processes detail={detail} />
                <Lines detail={detail} />
              </div>
              <div className="flex min-w-0 flex-col gap-6">
                <RuleThen detail={detail} />
                <Life alert={detail} log={detail.log} />
                <Silences detail={detail} />
              </div>
            </div>
          </>
        )}
      </Loaded>
    </div>
  )
}

function Head({ detail }: { detail: AlertDetail }) {
  const alert = detail
  const acknowledge = useAcknowledge()
  const takeBack = useUnacknowledge()
  const resolve = useResolve()
  const [asking, setAsking] = useState<'acknowledge' | 'resolve' | null>(null)
  const open = alert.state === 'open'
  return (
    <>
      <div className="mt-1 flex flex-wrap items-start justify-between gap-3">
        <h1 className="min-w-0 break-words font-semibold text-xl tracking-tight">
          {alert.name}
          {alert.device ? <span className="text-ink-2"> · {alert.device}</span> : null}
        </h1>
        {open ? (
          <div className="flex flex-wrap gap-2">
            {alert.acknowledged_at ? (
              <Button busy={takeBack.isPending} onClick={() => takeBack.mutate(alert.id)}>
                <Undo2 aria-hidden="true" />
                Take it back
              </Button>
            ) : (
              <Button
                variant="primary"
                busy={acknowledge.isPending}
                onClick={() => setAsking('acknowledge')}
              >
                <Check aria-hidden="true" />
                Acknowledge
              </Button>
            )}
            <Button busy={resolve.isPending} onClick={() => setAsking('resolve')}>
              <CheckCheck aria-hidden="true" />
              Resolve by hand
            </Button>
            <Link
              to="/alerts/silences"
              search={{ new: 'yes', server: alert.server_id, rule: alert.rule_id }}
              className={buttonStyle()}
            >
              <BellOff aria-hidden="true" />
              Silence
            </Link>
          </div>
        ) : null}
      </div>
      <div className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1">
        <SeverityMark severity={alert.severity} over={!open} />
        <Link
          to="/servers/$id"
          params={{ id: alert.server_id }}
          className="min-w-0 truncate font-medium hover:underline"
        >
          {alert.server_name || alert.server_id}
        </Link>
        <span className="text-ink-2">
          for <Lasting alert={alert} />
        </span>
        <span role="status" className="min-w-0">
          <Standing alert={alert} nobody="Nobody takes care of it yet" />
        </span>
      </div>
      {detail.note ? (
        <p className="mt-3 whitespace-pre-wrap break-words rounded-lg border border-line bg-sunken p-3">
          {detail.note}
        </p>
      ) : null}
      {asking ? (
        <Suspense>
          <AskNote
            title={
              asking === 'resolve' ? `Resolve ${alert.name} by hand` : `Acknowledge ${alert.name}`
            }
            action={asking === 'resolve' ? 'Resolve' : 'Acknowledge'}
            effects={
              asking === 'resolve'
                ? 'It is over for everybody. It fires again only after its condition was false for once.'
                : 'You take care of it. Nobody is told of it again while it goes on.'
            }
            onClose={() => setAsking(null)}
            onDone={(note) => {
              if (asking === 'resolve') resolve.mutate({ id: alert.id, note })
              else acknowledge.mutate({ alerts: [alert], note })
              setAsking(null)
            }}
          />
        </Suspense>
      ) : null}
    </>
  )
}

function Section({ id, title, children }: { id: string; title: string; children: ReactNode }) {
  return (
    <section aria-labelledby={id} className="card min-w-0 p-4">
      <h2 id={id} className="mb-2 font-medium">
        {title}
      </h2>
      {children}
    </section>
  )
}

function RuleThen({ detail: alert }: { detail: AlertDetail }) {
  const { rule, values } = alert
  return (
    <Section id="the-rule" title="The rule then">
      <code className="block break-words font-mono text-sm">{alert.wording}</code>
      <p className="mt-2 text-ink-2">
        <Link to="/alerts/rules/$id" params={{ id: alert.rule_id }} className="hover:underline">
          Version {alert.rule_version}
        </Link>
        {rule ? (
          <>
            , saved by {rule.saved_by_name ?? 'somebody who is gone'} <Ago at={rule.saved_at} />
            {rule.deleted_at
              ? '; the rule is deleted now'
              : rule.current_version > alert.rule_version
                ? `; it is at version ${rule.current_version} now`
                : ''}
          </>
        ) : null}
      </p>
      <p className="mt-1 text-ink-2">
        True since <span className="tnum">{dateTime(Date.parse(alert.since))}</span>, raised{' '}
        <span className="tnum">{dateTime(Date.parse(alert.raised_at))}</span>
        {values.length > 0 ? (
          <>
            {' '}
            at <Values values={values} />
          </>
        ) : null}
        .
      </p>
    </Section>
  )
}

function Processes({ detail: { processes } }: { detail: AlertDetail }) {
  if (processes.length === 0) return null
  return (
    <section aria-labelledby="processes-then" className="min-w-0">
      <h2 id="processes-then" className="mb-2 font-medium">
        Processes at that moment
      </h2>
      <Table
        label="Processes at that moment"
        columns={['Process', { title: 'User', className: 'max-sm:hidden' }, 'CPU', 'Memory']}
      >
        {processes.map((process) => (
          <tr key={process.pid}>
            <th scope="row" className="w-full max-w-0 truncate">
              {process.name} <span className="tnum text-ink-3 text-xs">{process.pid}</span>
            </th>
            <td className="max-sm:hidden">{process.user ?? ''}</td>
            <td className="tnum whitespace-nowrap">{percent(process.cpu)}</td>
            <td className="tnum whitespace-nowrap">{bytes(process.mem)}</td>
          </tr>
        ))}
      </Table>
    </section>
  )
}

function Lines({ detail: { lines } }: { detail: AlertDetail }) {
  if (lines.length === 0) return null
  return (
    <Section id="last-lines" title="Last lines">
      <pre className="whitespace-pre-wrap break-words rounded-lg border border-line bg-sunken p-3 text-sm">
        {lines.join('\n')}
      </pre>
    </Section>
  )
}

function Silences({ detail: { state, silences } }: { detail: AlertDetail }) {
  if (silences.length === 0) {
    return state === 'open' ? (
      <Section id="silences" title="Silences">
        <p className="text-ink-2">None is about it now.</p>
      </Section>
    ) : null
  }
  return (
    <Section id="silences" title="Silences about it now">
      <ul className="flex flex-col gap-3">
        {silences.map((silence) => (
          <li key={silence.id}>
            <span className="block break-words font-medium">{silence.reason}</span>
            <span className="block text-ink-2 text-xs">
              until <span className="tnum">{dateTime(Date.parse(silence.now.until))}</span>, by{' '}
              {silence.saved_by_name ?? 'somebody who is gone'}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  )
}
