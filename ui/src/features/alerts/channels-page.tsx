/** Where people are told of alerts: each channel with what became of its last message. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Megaphone, Plus, Send } from 'lucide-react'
import { useState } from 'react'
import type { AlertChannel } from '@/shared/api/model'
import { useFleet } from '@/shared/fleet/fleet'
import { meQuery } from '@/shared/session/session'
import { Button, buttonStyle } from '@/shared/ui/button'
import { Empty } from '@/shared/ui/empty'
import { Loaded } from '@/shared/ui/loaded'
import { StatusDot } from '@/shared/ui/status-dot'
import { SwitchBox } from '@/shared/ui/switch'
import { Table } from '@/shared/ui/table'
import { Ago } from '@/shared/ui/time'
import { AlertsFrame } from './alert-tabs'
import { KINDS, receivesOf, targetOf } from './channel-draft'
import { KIND_WORDS, placeText, receivesText } from './channel-kinds'
import {
  channelsQuery,
  useDeleteChannel,
  useSwitchChannel,
  useTestChannel,
} from './channel-queries'
import { TestAnswer } from './channel-test'
import { scopeText } from './rule-words'
import { toldOf } from './words'

export function ChannelsPage() {
  const query = useQuery(channelsQuery)
  const { data: me } = useQuery(meQuery)
  useFleet()
  const may = me !== undefined && me.role !== 'viewer'
  return (
    <AlertsFrame
      action={
        may && query.data && query.data.length > 0 ? (
          <Link
            to="/alerts/channels/$id"
            params={{ id: 'new' }}
            className={buttonStyle({ variant: 'primary' })}
          >
            <Plus aria-hidden="true" />
            New channel
          </Link>
        ) : null
      }
    >
      <Loaded query={query} what="The channels could not be loaded">
        {(channels) =>
          channels.length === 0 ? (
            <Nobody may={may} />
          ) : (
            <Table
              label="Channels"
              columns={[
                { title: 'On', className: 'w-14' },
                'Channel',
                { title: 'Tells of', className: 'max-md:hidden' },
                { title: 'Last message', className: 'max-sm:hidden' },
                '',
              ]}
            >
              {channels.map((channel) => (
                <Row key={channel.id} channel={channel} may={may} />
              ))}
            </Table>
          )
        }
      </Loaded>
    </AlertsFrame>
  )
}

/** Nobody has made a channel yet: says what one is, and offers each kind. */
function Nobody({ may }: { may: boolean }) {
  return (
    <section aria-label="No channels yet" className="card">
      <Empty
        className="max-w-none pb-6"
        icon={<Megaphone aria-hidden="true" />}
        title="Nobody is told of alerts yet"
      >
        {may
          ? 'Alerts are shown here, but nobody is called. A channel sends them to where you look: choose one, try it with a test message, and say which alerts it tells of.'
          : 'Alerts are shown here, but nobody is called. Operators make the channels.'}
      </Empty>
      {may ? (
        <ul
          aria-label="Kinds of channels"
          className="grid gap-2 px-6 pb-8 sm:grid-cols-2 lg:grid-cols-4"
        >
          {KINDS.map((kind) => (
            <li key={kind}>
              <Link
                to="/alerts/channels/$id"
                params={{ id: 'new' }}
                search={{ kind }}
                className="block h-full rounded-lg border border-line bg-surface p-3 text-left transition-colors hover:border-line-strong hover:bg-hover"
              >
                <span className="block font-medium">{KIND_WORDS[kind].label}</span>
                <span className="block text-ink-2 text-sm">{KIND_WORDS[kind].hint}</span>
              </Link>
            </li>
          ))}
        </ul>
      ) : null}
    </section>
  )
}

function Row({ channel, may }: { channel: AlertChannel; may: boolean }) {
  const act = useSwitchChannel(channel)
  const remove = useDeleteChannel()
  const test = useTestChannel()
  const [wanted, setWanted] = useState<boolean | null>(null)
  const on = wanted ?? channel.enabled
  const target = targetOf(channel)
  return (
    <tr>
      <td>
        <SwitchBox
          aria-label={`${channel.name} is on`}
          disabled={!may || act.isPending}
          checked={on}
          onChange={() => {
            setWanted(!on)
            act.mutate(!on, { onSettled: () => setWanted(null) })
          }}
          className="align-middle"
        />
      </td>
      <th scope="row" className="w-full max-w-0">
        <Link
          to="/alerts/channels/$id"
          params={{ id: channel.id }}
          className="block truncate font-medium hover:underline max-sm:whitespace-normal"
        >
          {channel.name}
        </Link>
        <span className="block truncate text-ink-2 text-xs">
          {KIND_WORDS[target.kind].label === placeText(target)
            ? placeText(target)
            : `${KIND_WORDS[target.kind].label} · ${placeText(target)}`}
        </span>
        <span className="mt-1 block sm:hidden">
          <LastMessage channel={channel} />
        </span>
        {test.data || test.isError ? (
          <TestAnswer answer={test.data} error={test.error} className="mt-1.5" />
        ) : null}
      </th>
      <td className="min-w-44 max-w-72 text-ink-2 text-sm max-md:hidden">
        <Receiving channel={channel} />
      </td>
      <td className="max-w-64 whitespace-nowrap max-sm:hidden">
        <LastMessage channel={channel} />
      </td>
      <td className="text-right">
        {may ? (
          <span className="inline-flex justify-end gap-1 max-sm:flex-col max-sm:items-end">
            <Button
              size="sm"
              busy={test.isPending}
              aria-label={`Send a test through ${channel.name}`}
              onClick={() => test.mutate(channel.id)}
            >
              <Send aria-hidden="true" />
              Test
            </Button>
            <Button
              size="sm"
              variant="dangerQuiet"
              busy={remove.isPending}
              aria-label={`Delete ${channel.name}`}
              onClick={() => remove.mutate(channel)}
            >
              Delete
            </Button>
          </span>
        ) : null}
      </td>
    </tr>
  )
}

function Receiving({ channel }: { channel: AlertChannel }) {
  const { rows } = useFleet().snapshot
  const nameOf = (id: string) => rows.find(({ server }) => server.id === id)?.server.name ?? id
  const receives = receivesOf(channel)
  return receivesText(receives, scopeText(receives.scope, nameOf)).join(', ')
}

/** What became of the newest message that it tried to send. */
function LastMessage({ channel }: { channel: AlertChannel }) {
  if (!channel.last) return <span className="text-ink-3 text-sm">Nothing told yet</span>
  const told = toldOf(channel.last)
  return (
    <span className="flex min-w-0 flex-col text-sm">
      <span className="flex items-center gap-2">
        <StatusDot tone={told.tone} />
        <span>
          {told.tone === 'ok' ? 'Arrived' : 'Failed'} <Ago at={channel.last.at} />
        </span>
      </span>
      {told.tone === 'ok' ? null : (
        <span className="line-clamp-2 whitespace-normal break-words pl-4 text-bad text-xs">
          {told.detail}
        </span>
      )}
    </span>
  )
}
