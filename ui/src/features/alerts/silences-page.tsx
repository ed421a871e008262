import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { BellOff, Plus, TriangleAlert } from 'lucide-react'
import { lazy, Suspense } from 'react'
import { accept, api, unwrap } from '@/shared/api/client'
import type { Silence } from '@/shared/api/model'
import { useFleet } from '@/shared/fleet/fleet'
import { plural } from '@/shared/lib/format'
import { serverNow } from '@/shared/lib/now'
import { meQuery } from '@/shared/session/session'
import { Button } from '@/shared/ui/button'
import { Empty } from '@/shared/ui/empty'
import { Loaded } from '@/shared/ui/loaded'
import { StatusDot, type Tone } from '@/shared/ui/status-dot'
import { Table } from '@/shared/ui/table'
import { toast, toastProblem } from '@/shared/ui/toast'
import { AlertsFrame } from './alert-tabs'
import { silencesQuery } from './queries'
import { silencesInOrder } from './rule-words'
import { SilenceLine } from './silence-line'

const SilenceForm = lazy(() => import('./silence-form'))

const STATE: Record<Silence['state'], { word: string; tone: Tone }> = {
  active: { word: 'On now', tone: 'warn' },
  planned: { word: 'Comes', tone: 'accent' },
  over: { word: 'Over', tone: 'off' },
  ended: { word: 'Ended', tone: 'off' },
}

/** Times in which nobody is told. */
export function SilencesPage({
  asked,
  onAsk,
}: {
  /** The form is open, for this server and rule if they are named. */
  asked: { server?: string; rule?: string } | null
  onAsk: (open: boolean) => void
}) {
  const query = useQuery(silencesQuery)
  const { data: me } = useQuery(meQuery)
  useFleet()
  const may = me !== undefined && me.role !== 'viewer'
  const add = may ? (
    <Button variant="primary" onClick={() => onAsk(true)}>
      <Plus aria-hidden="true" />
      New silence
    </Button>
  ) : null
  return (
    <AlertsFrame action={query.data && query.data.length > 0 ? add : null}>
      <Loaded query={query} what="The silences could not be loaded">
        {(silences) =>
          silences.length === 0 ? (
            <Empty
              className="card max-w-none"
              icon={<BellOff aria-hidden="true" />}
              title="No silences"
              action={add}
            >
              While a silence is on, its alerts are raised and kept all the same, but nobody is told
              of them: for planned work, once or again and again.
            </Empty>
          ) : (
            <Table
              label="Silences"
              columns={[
                'Silence',
                'State',
                { title: 'About', className: 'max-sm:hidden' },
                { title: 'Kept back', className: 'max-md:hidden' },
                '',
              ]}
            >
              {silencesInOrder(silences).map((silence) => (
                <Row key={silence.id} silence={silence} may={may} />
              ))}
            </Table>
          )
        }
      </Loaded>
      {asked && may ? (
        <Suspense>
          <SilenceForm server={asked.server} rule={asked.rule} onClose={() => onAsk(false)} />
        </Suspense>
      ) : null}
    </AlertsFrame>
  )
}

function Row({ silence, may }: { silence: Silence; may: boolean }) {
  const end = useEnd()
  const { word, tone } = STATE[silence.state]
  const alive = silence.state === 'active' || silence.state === 'planned'
  const { servers, open_alerts: open } = silence.matches
  return (
    <tr className={alive ? undefined : 'text-ink-2'}>
      <th scope="row" className="w-full">
        <SilenceLine silence={silence} />
        {alive && silence.broad ? (
          <span className="mt-1 flex items-center gap-1.5 text-warn text-xs">
            <TriangleAlert className="size-3.5" aria-hidden="true" />
            This is about a lot of servers
          </span>
        ) : null}
      </th>
      <td className="whitespace-nowrap">
        <span className="flex items-center gap-2">
          <StatusDot tone={tone} />
          {word}
        </span>
      </td>
      <td className="tnum whitespace-nowrap max-sm:hidden">
        {alive ? `${plural(servers, 'server')}, ${plural(open, 'open alert')}` : ''}
      </td>
      <td className="tnum whitespace-nowrap max-md:hidden">
        {silence.held > 0 ? plural(silence.held, 'message') : <span className="text-ink-3">–</span>}
      </td>
      <td className="text-right">
        {may && alive ? (
          <Button
            size="sm"
            busy={end.isPending}
            aria-label={`End now: ${silence.reason}`}
            onClick={() => end.mutate(silence)}
          >
            End now
          </Button>
        ) : null}
      </td>
    </tr>
  )
}

/** A silence that was ended comes back as a new one: the first stays ended in the books. */
function useEnd() {
  const client = useQueryClient()
  const reload = () => client.invalidateQueries({ queryKey: ['alerts'] })
  const again = ({ reason, scope, rules, times }: Silence) => {
    const rest =
      'once' in times
        ? {
            once: {
              from: new Date(Math.max(Date.parse(times.once.from), serverNow())).toISOString(),
              until: times.once.until,
            },
          }
        : times
    unwrap(
      api.POST('/api/v1/alerts/silences', { body: { reason, scope, rules, times: rest } }),
    ).then(reload, (error: unknown) => toastProblem('The silence stays ended', error))
  }
  return useMutation({
    mutationFn: ({ id }: Silence) =>
      accept(api.DELETE('/api/v1/alerts/silences/{id}', { params: { path: { id } } })),
    onSuccess: (_done, silence) => {
      toast({
        tone: 'info',
        title: 'Silence ended',
        detail: silence.reason,
        action: { label: 'Undo', run: () => again(silence) },
      })
      return reload()
    },
    onError: (error) => toastProblem('The silence was not ended', error),
  })
}
