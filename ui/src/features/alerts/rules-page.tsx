import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ListPlus, Plus, Siren } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { SEVERITY_TONE } from '@/shared/alerts/severity'
import { accept, api, unwrap } from '@/shared/api/client'
import type { Alert, AlertRule } from '@/shared/api/model'
import { useFleet } from '@/shared/fleet/fleet'
import { plural } from '@/shared/lib/format'
import { meQuery } from '@/shared/session/session'
import { Button, buttonStyle } from '@/shared/ui/button'
import { Empty } from '@/shared/ui/empty'
import { Loaded } from '@/shared/ui/loaded'
import { StatusDot } from '@/shared/ui/status-dot'
import { SwitchBox } from '@/shared/ui/switch'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { toast, toastProblem } from '@/shared/ui/toast'
import { AlertsFrame } from './alert-tabs'
import { openAlertsQuery, rulesQuery } from './queries'
import { ruleDraftOf, ruleRequest } from './rule-draft'
import { scopeText } from './rule-words'

const StarterSet = lazy(() => import('./starter-set'))

/** What people want to be told of. */
export function RulesPage({
  starter,
  onStarter,
}: {
  /** The dialog with rules to begin with is open. */
  starter: boolean
  onStarter: (open: boolean) => void
}) {
  const query = useQuery(rulesQuery)
  const { data: open } = useQuery(openAlertsQuery)
  const { data: me } = useQuery(meQuery)
  useFleet()
  const may = me !== undefined && me.role !== 'viewer'
  const add = (
    <Link
      to="/alerts/rules/$id"
      params={{ id: 'new' }}
      className={buttonStyle({ variant: 'primary' })}
    >
      <Plus aria-hidden="true" />
      New rule
    </Link>
  )
  return (
    <AlertsFrame
      action={
        may && query.data && query.data.length > 0 ? (
          <>
            <Button onClick={() => onStarter(true)}>
              <ListPlus aria-hidden="true" />
              Starter set
            </Button>
            {add}
          </>
        ) : null
      }
    >
      <Loaded query={query} what="The rules could not be loaded">
        {(rules) =>
          rules.length === 0 ? (
            <Empty
              className="card max-w-none"
              icon={<Siren aria-hidden="true" />}
              title="No alert rules yet"
              action={
                may ? (
                  <>
                    <Button variant="primary" onClick={() => onStarter(true)}>
                      Choose from the starter set
                    </Button>
                    <Link to="/alerts/rules/$id" params={{ id: 'new' }} className={buttonStyle()}>
                      Write one
                    </Link>
                  </>
                ) : undefined
              }
            >
              A rule is one line, such as <code className="font-mono">cpu &gt; 90 for 5m</code>, and
              looks at each server by itself.
            </Empty>
          ) : (
            <Table
              label="Alert rules"
              columns={[
                'On',
                'Rule',
                { title: 'Servers', className: 'max-md:hidden' },
                { title: 'Open alerts', className: 'max-sm:hidden' },
                { title: 'Last change', className: 'max-lg:hidden' },
                '',
              ]}
            >
              {rules.map((rule) => (
                <Row key={rule.id} rule={rule} may={may} open={openOf(open, rule.id)} />
              ))}
            </Table>
          )
        }
      </Loaded>
      {starter && query.data ? (
        <Suspense>
          <StarterSet rules={query.data} onClose={() => onStarter(false)} />
        </Suspense>
      ) : null}
    </AlertsFrame>
  )
}

const openOf = (open: readonly Alert[] | undefined, rule: string): number | null =>
  open ? open.filter((alert) => alert.rule_id === rule).length : null

function Row({ rule, may, open }: { rule: AlertRule; may: boolean; open: number | null }) {
  const client = useQueryClient()
  const { rows } = useFleet().snapshot
  const nameOf = (id: string) => rows.find(({ server }) => server.id === id)?.server.name ?? id
  const act = useSwitchRule(rule)
  const remove = useDeleteRule()
  const [wanted, setWanted] = useState<boolean | null>(null)
  const on = wanted ?? rule.enabled
  return (
    <tr>
      <td>
        <SwitchBox
          aria-label={`${rule.name} is on`}
          disabled={!may || act.isPending}
          checked={on}
          onChange={() => {
            setWanted(!on)
            act.mutate(!on, {
              onSettled: async () => {
                await client.invalidateQueries({ queryKey: rulesQuery.queryKey })
                setWanted(null)
              },
            })
          }}
          className="align-middle"
        />
      </td>
      <th scope="row" className="w-full max-w-0">
        <Link
          to="/alerts/rules/$id"
          params={{ id: rule.id }}
          className="flex items-center gap-2 font-medium hover:underline"
        >
          <StatusDot tone={rule.enabled ? SEVERITY_TONE[rule.severity] : 'off'} />
          <span className="truncate max-sm:whitespace-normal">{rule.name}</span>
          <span className="sr-only">{rule.severity}</span>
        </Link>
        <code className="block truncate text-ink-3 text-xs">{rule.wording}</code>
      </th>
      <td className="max-w-56 truncate text-ink-2 max-md:hidden">
        {scopeText(rule.scope, nameOf)}
      </td>
      <td className="tnum whitespace-nowrap max-sm:hidden">
        {open ? (
          <Link to="/alerts" search={{ rule: rule.id }} className="hover:underline">
            {plural(open, 'open alert')}
          </Link>
        ) : (
          <span className="text-ink-3">{open === null ? '' : 'None'}</span>
        )}
      </td>
      <td className="whitespace-nowrap text-ink-2 max-lg:hidden">
        <Ago at={rule.saved_at} />
        {rule.saved_by_name ? ` by ${rule.saved_by_name}` : ''}
      </td>
      <td className="text-right">
        {may ? (
          <Button
            size="sm"
            variant="dangerQuiet"
            busy={remove.isPending}
            aria-label={`Delete ${rule.name}`}
            onClick={() => remove.mutate(rule)}
          >
            Delete
          </Button>
        ) : null}
      </td>
    </tr>
  )
}

function useSwitchRule(rule: AlertRule) {
  return useMutation({
    mutationFn: (enabled: boolean) =>
      unwrap(
        api.PUT('/api/v1/alerts/rules/{id}', {
          params: { path: { id: rule.id } },
          body: { ...ruleRequest({ ...ruleDraftOf(rule), enabled }), version: rule.version },
        }),
      ),
    onError: (error) => toastProblem(`${rule.name} stays as it was`, error),
  })
}

/** A rule that was deleted can be brought back from the message. */
export function useDeleteRule(onDeleted?: () => void) {
  const client = useQueryClient()
  const reload = () => client.invalidateQueries({ queryKey: ['alerts'] })
  const restore = ({ id, name }: AlertRule) => {
    accept(api.POST('/api/v1/alerts/rules/{id}/restore', { params: { path: { id } } })).then(
      reload,
      (error: unknown) => toastProblem(`${name} stays deleted`, error),
    )
  }
  return useMutation({
    mutationFn: ({ id }: AlertRule) =>
      accept(api.DELETE('/api/v1/alerts/rules/{id}', { params: { path: { id } } })),
    onSuccess: (_done, rule) => {
      toast({
        tone: 'info',
        title: 'Rule deleted',
        detail: `${rule.name}: its open alerts are over`,
        action: { label: 'Undo', run: () => restore(rule) },
      })
      onDeleted?.()
      // Its own page is still there for a moment, and would ask for what is gone.
      return client.invalidateQueries({
        queryKey: ['alerts'],
        predicate: ({ queryKey }) => queryKey[2] !== rule.id,
      })
    },
    onError: (error, { name }) => toastProblem(`${name} was not deleted`, error),
  })
}
