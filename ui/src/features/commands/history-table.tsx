import { Link } from '@tanstack/react-router'
import type { Command } from '@/shared/api/model'
import { exact } from '@/shared/lib/time'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { ConditionMark } from './condition-mark'
import { Took } from './took'

/** Commands, the newest first. Each leads to its own page, or is shown above on the page of its server. */
export function HistoryTable({
  commands,
  onServer,
  open,
}: {
  commands: readonly Command[]
  /** They are all of this one server, whose page it is. */
  onServer?: string
  /** The one that is shown above. */
  open?: string
}) {
  return (
    <Table
      label="Commands"
      columns={[
        'Command',
        'State',
        ...(onServer === undefined ? [{ title: 'Server', className: 'max-md:hidden' }] : []),
        { title: 'Who', className: 'max-sm:hidden' },
        { title: 'When', className: 'max-sm:hidden' },
        { title: 'Took', className: 'text-right max-lg:hidden' },
      ]}
    >
      {commands.map((command) => (
        <tr
          key={command.id}
          aria-current={command.id === open ? 'true' : undefined}
          className="relative hover:bg-hover aria-[current]:bg-accent-soft"
        >
          <th scope="row" className="w-full max-w-0">
            {onServer === undefined ? (
              <Link to="/commands/$commandId" params={{ commandId: command.id }} className={LINK}>
                {command.command}
              </Link>
            ) : (
              <Link
                to="/servers/$id/commands"
                params={{ id: onServer }}
                search={{ show: command.id }}
                className={LINK}
              >
                {command.command}
              </Link>
            )}
            <span className="mt-0.5 block truncate text-ink-3 text-xs sm:hidden">
              {onServer === undefined ? `${command.server_name} · ` : ''}
              {command.actor_name ?? command.actor} · <Ago at={command.requested_at} />
            </span>
          </th>
          <td>
            <ConditionMark command={command} />
          </td>
          {onServer === undefined ? (
            <td className="max-w-40 truncate max-md:hidden">{command.server_name}</td>
          ) : null}
          <td className="max-w-32 truncate max-sm:hidden">{command.actor_name ?? command.actor}</td>
          <td
            className="whitespace-nowrap max-sm:hidden"
            title={exact(Date.parse(command.requested_at))}
          >
            <Ago at={command.requested_at} className="tnum" />
          </td>
          <td className="tnum whitespace-nowrap text-right max-lg:hidden">
            <Took command={command} />
          </td>
        </tr>
      ))}
    </Table>
  )
}

/** The whole row is the link. */
const LINK =
  'block truncate font-mono text-xs leading-5 after:absolute after:inset-0 focus-visible:outline-none focus-visible:after:rounded-md focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent'
