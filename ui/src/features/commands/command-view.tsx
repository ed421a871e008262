/** One command: what, where, by whom, how it is, and everything it wrote. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { CircleStop, Link2, Pencil, RotateCw } from 'lucide-react'
import type { ReactNode } from 'react'
import type { Command } from '@/shared/api/model'
import { toProblem } from '@/shared/api/problem'
import { cn } from '@/shared/lib/cn'
import { bytes } from '@/shared/lib/format'
import { LogView } from '@/shared/logs/log-view'
import { Button, buttonStyle } from '@/shared/ui/button'
import { CopyButton } from '@/shared/ui/copy'
import { Ago } from '@/shared/ui/time'
import { toastProblem } from '@/shared/ui/toast'
import { askedOf } from './asked'
import { cancelCommand, commandQuery, isOpen, runAgain } from './command-query'
import { conditionOf } from './condition'
import { ConditionMark } from './condition-mark'
import { Decide } from './decide'
import { timeText } from './surroundings'
import { Took } from './took'
import { useOutput } from './use-output'

const link = 'text-accent hover:underline'

export function CommandView({
  command,
  onRerun,
}: {
  command: Command
  /** Shows the command that repeats this one. */
  onRerun: (id: string) => void
}) {
  const { buffer, failure, whole } = useOutput(command)
  const { hint } = conditionOf(command)
  const open = isOpen(command)
  const wrote = command.stdout_bytes + command.stderr_bytes
  const words = command.message ?? (open ? null : hint)
  return (
    <article aria-label={`Command ${command.command}`} className="flex min-w-0 flex-col gap-3">
      <div className="card p-3">
        <div className="flex flex-wrap items-start gap-x-4 gap-y-2">
          <pre className="max-h-40 min-w-0 flex-1 basis-72 overflow-auto whitespace-pre-wrap break-words font-mono text-sm leading-6">
            {command.command}
          </pre>
          <Actions command={command} onRerun={onRerun} />
        </div>
        <Facts command={command} />
        {words ? (
          <p className="mt-2.5 whitespace-pre-wrap break-words rounded-md bg-sunken px-3 py-2 text-xs">
            {words}
          </p>
        ) : null}
      </div>
      {command.state === 'approval' ? <Decide command={command} /> : null}
      {command.cut_bytes > 0 ? (
        <p role="status" className="rounded-md bg-warn-soft px-3 py-2 text-warn text-xs">
          {bytes(command.cut_bytes)} of {bytes(wrote)} were not kept: it wrote more than the limit.
        </p>
      ) : null}
      {failure ? (
        <p role="alert" className="rounded-md bg-bad-soft px-3 py-2 text-bad text-xs">
          The output could not be loaded, this is tried again: {toProblem(failure).message}
        </p>
      ) : null}
      <div
        className={cn(
          'flex flex-col',
          whole && wrote === 0 ? 'h-28' : 'h-[clamp(16rem,55dvh,44rem)]',
        )}
      >
        <LogView
          buffer={buffer}
          label="Output"
          fileName={`command-${command.id}`}
          streams
          empty={
            open ? 'Nothing written yet.' : whole ? 'It wrote nothing.' : 'Loading the output.'
          }
        >
          <span className="px-1 text-2xs text-ink-2">
            Output{open ? '' : <span className="tnum"> {bytes(wrote)}</span>}
          </span>
        </LogView>
      </div>
    </article>
  )
}

function Actions({ command, onRerun }: { command: Command; onRerun: (id: string) => void }) {
  const client = useQueryClient()
  const { queryKey } = commandQuery(command.id)
  const rerun = useMutation({
    mutationFn: () => runAgain(command.id),
    onSuccess: (next) => {
      client.setQueryData(commandQuery(next.id).queryKey, next)
      void client.invalidateQueries({ queryKey: ['commands'] })
      onRerun(next.id)
    },
    onError: (error) => toastProblem('Not run again', error),
  })
  const cancel = useMutation({
    mutationFn: () => cancelCommand(command.id),
    onError: (error) => toastProblem('Not cancelled', error),
    onSettled: () => client.invalidateQueries({ queryKey }),
  })
  return (
    <div className="flex flex-wrap gap-2">
      {isOpen(command) ? (
        <Button
          variant="dangerQuiet"
          busy={cancel.isPending || command.cancelling}
          onClick={() => cancel.mutate()}
        >
          <CircleStop aria-hidden="true" />
          Cancel
        </Button>
      ) : command.repeatable ? (
        <Button busy={rerun.isPending} onClick={() => rerun.mutate()}>
          <RotateCw aria-hidden="true" />
          Run again
        </Button>
      ) : null}
      {command.kind === 'run' ? (
        <Link
          to="/servers/$id/commands"
          params={{ id: command.server_id }}
          search={{ show: command.id, edit: command.id }}
          className={buttonStyle()}
          title={
            command.repeatable
              ? undefined
              : 'It was given values or input that are not kept: fill them in again'
          }
        >
          <Pencil aria-hidden="true" />
          Edit
        </Link>
      ) : null}
      <CopyButton iconOnly text={command.command} label="Copy the command" className="size-8" />
      <Link
        to="/commands/$commandId"
        params={{ commandId: command.id }}
        className={buttonStyle({ variant: 'quiet', size: 'icon' })}
        aria-label="Page of this command"
        title="Page of this command"
      >
        <Link2 aria-hidden="true" />
      </Link>
    </div>
  )
}

function Facts({ command }: { command: Command }) {
  const { cwd, env, stdinBytes } = askedOf(command)
  return (
    <dl className="mt-2 flex flex-wrap gap-x-5 gap-y-1 text-xs">
      <Fact name="State">
        <span role="status" className="font-medium">
          <ConditionMark command={command} />
        </span>
      </Fact>
      {command.exit_code === null ? null : (
        <Fact name="Exit code">
          <span className="tnum">{command.exit_code}</span>
        </Fact>
      )}
      <Fact name="Took">
        <span className="tnum">
          <Took command={command} />
        </span>
      </Fact>
      <Fact name="On">
        <Link to="/servers/$id/commands" params={{ id: command.server_id }} className={link}>
          {command.server_name || command.server_id}
        </Link>
      </Fact>
      <Fact name="By">{command.actor_name ?? command.actor}</Fact>
      <Fact name="Asked">
        <Ago at={command.requested_at} className="tnum" />
      </Fact>
      {command.pid === null ? null : (
        <Fact name="Process">
          <span className="tnum">{command.pid}</span>
        </Fact>
      )}
      {cwd ? (
        <Fact name="In">
          <code className="font-mono">{cwd}</code>
        </Fact>
      ) : null}
      {env.length > 0 ? (
        <Fact name="Variables">
          <code className="font-mono">{env.join(', ')}</code>
        </Fact>
      ) : null}
      {stdinBytes > 0 ? <Fact name="Input">{bytes(stdinBytes)}</Fact> : null}
      <Fact name="Longest time">
        <span className="tnum">{timeText(command.timeout_s)}</span>
      </Fact>
      {command.repeats ? (
        <Fact name="Repeats">
          <Link to="/commands/$commandId" params={{ commandId: command.repeats }} className={link}>
            an earlier command
          </Link>
        </Fact>
      ) : null}
    </dl>
  )
}

const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <div className="flex min-w-0 items-center gap-1.5">
    <dt className="text-ink-3">{name}</dt>
    <dd className="min-w-0 truncate">{children}</dd>
  </div>
)
