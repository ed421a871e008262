import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { BellOff, BellRing, Check, History, SearchX, Volume2, VolumeX, X } from 'lucide-react'
import { lazy, type ReactNode, Suspense, useMemo, useState } from 'react'
import { playTone, setAlertSound, useAlertSound } from '@/shared/alerts/sound'
import type { Alert } from '@/shared/api/model'
import { useFleet } from '@/shared/fleet/fleet'
import { plural } from '@/shared/lib/format'
import { meQuery } from '@/shared/session/session'
import { Button, buttonStyle } from '@/shared/ui/button'
import { Empty } from '@/shared/ui/empty'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import { Ago } from '@/shared/ui/time'
import { useAcknowledge } from './acts'
import { AlertFilters } from './alert-filters'
import { AlertTable } from './alert-table'
import { AlertsFrame } from './alert-tabs'
import { type AlertsSearch, isFiltered, NO_FILTERS } from './alerts-search'
import { worstFirst } from './order'
import { alertsQuery, rulesQuery } from './queries'

const AskNote = lazy(() => import('./ask-note'))

/** What is wrong now, or was, on the servers that this person may see. */
export function AlertsPage({
  search,
  onSearch,
}: {
  search: AlertsSearch
  onSearch: (change: AlertsSearch) => void
}) {
  // The names for the filter, also when this is the first page that is opened.
  useFleet()
  const history = search.state === 'resolved'
  const query = useInfiniteQuery(alertsQuery(search))
  const alerts = useMemo(() => {
    const items = query.data?.pages.flatMap((page) => page.items) ?? []
    return history ? items : worstFirst(items)
  }, [query.data, history])
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const [asking, setAsking] = useState<readonly Alert[] | null>(null)
  const acknowledge = useAcknowledge()
  const picked = alerts.filter(({ id }) => chosen.has(id))
  const act = (list: readonly Alert[], note?: string) => {
    const open = list.filter((alert) => alert.state === 'open' && !alert.acknowledged_at)
    if (open.length > 0) acknowledge.mutate({ alerts: open, note })
    setChosen(new Set())
    setAsking(null)
  }
  return (
    <AlertsFrame open={!history} action={history ? undefined : <Sound />}>
      <AlertFilters search={search} onSearch={onSearch} />
      <div className="mt-4">
        {query.isError ? (
          <ProblemPanel
            className="mb-4"
            what="The alerts could not be loaded"
            error={query.error}
            onRetry={() => void query.refetch()}
          />
        ) : null}
        {query.isPending ? (
          <Late>
            <Skeleton className="h-64" />
          </Late>
        ) : alerts.length > 0 ? (
          <AlertTable
            key={history ? 'history' : 'open'}
            alerts={alerts}
            history={history}
            chosen={chosen}
            onChoose={setChosen}
            onAcknowledge={act}
          />
        ) : query.isError ? null : isFiltered(search) ? (
          <Empty
            className="card max-w-none"
            icon={<SearchX aria-hidden="true" />}
            title="No alert fits"
            action={<Button onClick={() => onSearch(NO_FILTERS)}>Clear the filters</Button>}
          >
            {history ? 'Take a filter away, or look at other days.' : 'Take a filter away.'}
          </Empty>
        ) : history ? (
          <Empty
            className="card max-w-none"
            icon={<History aria-hidden="true" />}
            title="No alert was over yet"
          >
            Alerts that are over stay here, with all that was seen.
          </Empty>
        ) : (
          <Quiet />
        )}
        {query.hasNextPage ? (
          <Button
            className="mt-3"
            busy={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            Show older
          </Button>
        ) : null}
      </div>
      {picked.length > 0 ? (
        <Bulk
          picked={picked}
          all={alerts}
          busy={acknowledge.isPending}
          onAll={() => setChosen(new Set(alerts.map(({ id }) => id)))}
          onClear={() => setChosen(new Set())}
          onAcknowledge={() => act(picked)}
          onNote={() => setAsking(picked)}
        />
      ) : null}
      {asking ? (
        <Suspense>
          <AskNote
            title={`Acknowledge ${plural(asking.length, 'alert')}`}
            action="Acknowledge"
            effects="Nobody is told of them again while they go on."
            onClose={() => setAsking(null)}
            onDone={(note) => act(asking, note)}
          />
        </Suspense>
      ) : null}
    </AlertsFrame>
  )
}

function Bulk({
  picked,
  all,
  busy,
  onAll,
  onClear,
  onAcknowledge,
  onNote,
}: {
  picked: readonly Alert[]
  all: readonly Alert[]
  busy: boolean
  onAll: () => void
  onClear: () => void
  onAcknowledge: () => void
  onNote: () => void
}) {
  const open = picked.some((alert) => alert.state === 'open' && !alert.acknowledged_at)
  return (
    <section
      aria-label="Selected alerts"
      className="sticky bottom-3 z-20 mx-auto mt-3 flex w-fit max-w-full flex-wrap items-center gap-2 rounded-lg border border-line-strong bg-surface p-2 pl-3.5 shadow-float"
    >
      <p role="status" className="tnum mr-1">
        <b className="font-semibold">{plural(picked.length, 'alert')}</b> selected
      </p>
      {picked.length < all.length ? (
        <Button variant="quiet" onClick={onAll}>
          Select all {all.length}
        </Button>
      ) : null}
      <Button variant="primary" disabled={!open} busy={busy} onClick={onAcknowledge}>
        <Check aria-hidden="true" />
        Acknowledge
      </Button>
      <Button disabled={!open} onClick={onNote}>
        With a note
      </Button>
      <Button size="icon" variant="quiet" aria-label="Clear the selection" onClick={onClear}>
        <X aria-hidden="true" />
      </Button>
    </section>
  )
}

/** Kept in this browser; off until somebody wants it. */
function Sound() {
  const on = useAlertSound((sound) => sound.on)
  return (
    <Button
      variant="quiet"
      aria-pressed={on}
      title="A short tone when an alert begins, in this browser"
      onClick={() => {
        setAlertSound(!on)
        if (!on) playTone()
      }}
    >
      {on ? <Volume2 aria-hidden="true" /> : <VolumeX aria-hidden="true" />}
      {on ? 'Sound on' : 'Sound off'}
    </Button>
  )
}

/** Nothing is open: because nothing is wrong, or because nobody watches? */
function Quiet() {
  const { data: me } = useQuery(meQuery)
  const rules = useQuery(rulesQuery)
  const last = useInfiniteQuery(alertsQuery({ state: 'resolved' }))
  if (!rules.data) return null
  const on = rules.data.filter(({ enabled }) => enabled).length
  if (on === 0) {
    const may = me !== undefined && me.role !== 'viewer'
    return (
      <Empty
        className="card max-w-none"
        icon={<BellOff aria-hidden="true" />}
        title={rules.data.length === 0 ? 'No alert rules yet' : 'No alert rule is on'}
        action={
          may ? (
            rules.data.length === 0 ? (
              <Link
                to="/alerts/rules"
                search={{ starter: 'yes' }}
                className={buttonStyle({ variant: 'primary' })}
              >
                Choose from the starter set
              </Link>
            ) : (
              <Link to="/alerts/rules" className={buttonStyle({ variant: 'primary' })}>
                Show the rules
              </Link>
            )
          ) : undefined
        }
      >
        {may
          ? 'Nobody is told of anything. A rule says what to watch, such as cpu > 90 for 5m.'
          : 'Nobody is told of anything. Operators write the rules.'}
      </Empty>
    )
  }
  const newest: ReactNode = last.data?.pages[0]?.items[0]?.resolved_at
  return (
    <Empty
      className="card max-w-none"
      icon={<BellRing aria-hidden="true" />}
      title="All quiet"
      action={
        <Link to="/alerts/rules" className={buttonStyle()}>
          Show the rules
        </Link>
      }
    >
      {typeof newest === 'string' ? (
        <>
          The newest alert was over <Ago at={newest} />.{' '}
        </>
      ) : (
        'No alert has ever been raised. '
      )}
      {plural(on, 'rule is', 'rules are')} on.
    </Empty>
  )
}
