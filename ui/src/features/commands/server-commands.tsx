/** Commands of one server: run one, look at one, and what was run before. */
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { Lock, SquareTerminal } from 'lucide-react'
import { lazy, Suspense, useMemo } from 'react'
import type { Server } from '@/shared/api/model'
import { useMayOperate } from '@/shared/servers/may-operate'
import { Needs } from '@/shared/servers/needs'
import { Empty } from '@/shared/ui/empty'
import { draftOf } from './asked'
import { commandQuery, commandsQuery, runCommand } from './command-query'
import { HistoryList } from './history-list'
import { RunBox } from './run-box'

// The log is large, and nobody needs it before something is shown.
const Shown = lazy(() => import('./shown'))

export function ServerCommands({
  server,
  show,
  edit,
  onShow,
}: {
  server: Server
  /** The command that is shown. */
  show: string | undefined
  /** The command that is typed anew. */
  edit: string | undefined
  onShow: (id: string) => void
}) {
  const client = useQueryClient()
  const mayRun = useMayOperate(server.id)
  const query = useInfiniteQuery({
    ...commandsQuery({ server: server.id }),
    enabled: mayRun === true,
  })
  const edited = useQuery({ ...commandQuery(edit ?? ''), enabled: edit !== undefined }).data
  const past = useMemo(
    () =>
      (query.data?.pages[0]?.commands ?? [])
        .filter((command) => command.kind === 'run')
        .map((command) => command.command),
    [query.data],
  )
  if (mayRun === false) {
    return (
      <Empty icon={<Lock aria-hidden="true" />} title="To look at only">
        You may look at {server.name}, but neither run anything on it nor see what was run. Whoever
        manages it can share it with you to operate.
      </Empty>
    )
  }
  return (
    <>
      {mayRun ? (
        <Needs server={server.id} capability="exec">
          <RunBox
            key={edited?.id}
            host={server.name}
            past={past}
            initial={edited ? draftOf(edited) : undefined}
            onRun={async (request) => {
              const command = await runCommand({ server_id: server.id, ...request })
              client.setQueryData(commandQuery(command.id).queryKey, command)
              void client.invalidateQueries({ queryKey: ['commands'] })
              onShow(command.id)
            }}
          />
        </Needs>
      ) : (
        <div className="mt-4 h-24" />
      )}
      {show === undefined ? null : (
        <div className="mt-4">
          <Suspense>
            <Shown id={show} onRerun={onShow} />
          </Suspense>
        </div>
      )}
      <h2 className="mt-6 mb-2 font-semibold text-base">What was run here</h2>
      <HistoryList
        query={query}
        onServer={server.id}
        open={show}
        empty={
          <Empty
            className="card max-w-none py-8"
            icon={<SquareTerminal aria-hidden="true" />}
            title="Nothing was run here yet"
          >
            Everything that is run stays here, with who ran it, what it wrote and how it ended.
          </Empty>
        }
      />
    </>
  )
}
