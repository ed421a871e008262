import { LogView } from '@/shared/logs/log-view'
import { Button } from '@/shared/ui/button'
import { StatusDot } from '@/shared/ui/status-dot'
import { useLogStream } from './log-stream'

/** The log of a container as it is written. */
export function ContainerLogs({ server, container }: { server: string; container: string }) {
  const [buffer, state, again] = useLogStream(server, container)
  const tone = state.kind === 'live' ? 'ok' : state.kind === 'refused' ? 'bad' : 'off'
  const words = {
    connecting: 'Connecting',
    live: 'Live',
    waiting: 'Reconnecting',
    ended: 'Ended',
    refused: 'Not available',
  }[state.kind]
  const text = state.kind === 'ended' || state.kind === 'refused' ? state.text : null
  const download = `/api/v1/docker/${encodeURIComponent(server)}/containers/${encodeURIComponent(container)}/logs?tail=50000`
  return (
    <div className="mt-3 flex h-[calc(100dvh-18rem)] min-h-80 flex-col">
      <LogView
        buffer={buffer}
        label={`Log of ${container}`}
        fileName={container}
        empty={text ?? (state.kind === 'live' ? 'Nothing was written yet.' : 'Connecting…')}
      >
        <span role="status" className="flex items-center gap-2" title={text ?? undefined}>
          <StatusDot tone={tone} />
          {words}
        </span>
        {state.kind === 'ended' || state.kind === 'refused' ? (
          <Button size="sm" onClick={again}>
            Load again
          </Button>
        ) : null}
        <a className="text-accent text-xs underline" href={download} download={`${container}.log`}>
          Whole log
        </a>
      </LogView>
    </div>
  )
}
