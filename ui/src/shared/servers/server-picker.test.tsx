import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { render, screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { useState } from 'react'
import { beforeEach, expect, it, vi } from 'vitest'
import type { Server } from '../api/model'
import { fleet } from '../fleet/fleet'
import { Field } from '../ui/field'
import { ServerPicker } from './server-picker'

const server = (id: string, name: string, tags: string[]) =>
  ({
    id,
    name,
    tags,
    owner: { id: 'u', username: 'ann' },
    status: 'offline',
    last_seen: null,
    connected_since: null,
    created_at: '2026-01-01T00:00:00Z',
    interval_ms: 5_000,
    needs_approval: false,
    agent: null,
    latest: null,
  }) as Server

const SERVERS = [
  server('1', 'web-1', ['prod']),
  server('2', 'web-2', ['prod']),
  server('3', 'db-1', ['eu']),
]

beforeEach(() => {
  const answer = () =>
    Promise.resolve(
      new Response(JSON.stringify({ servers: SERVERS, next: null }), {
        headers: { 'content-type': 'application/json' },
      }),
    )
  vi.stubGlobal('fetch', vi.fn(answer))
  fleet.replace(SERVERS)
})

function picker(first: string[] = []) {
  const chosen = vi.fn()
  const sent = vi.fn((event: { preventDefault: () => void }) => event.preventDefault())
  function Form() {
    const [ids, setIds] = useState(first)
    return (
      <form onSubmit={sent}>
        <Field label="Servers">
          {(control) => (
            <ServerPicker
              control={control}
              chosen={ids}
              onChange={(next) => {
                setIds(next)
                chosen(next)
              }}
            />
          )}
        </Field>
        <button type="submit">Save</button>
      </form>
    )
  }
  render(
    <QueryClientProvider client={new QueryClient()}>
      <Form />
    </QueryClientProvider>,
  )
  return { chosen, sent, user: userEvent.setup(), box: screen.getByRole('combobox') }
}

it('is used with the keyboard alone', async () => {
  const { chosen, sent, user, box } = picker()
  await user.type(box, 'web')
  expect(screen.getByRole('status')).toHaveTextContent('2 of 3 servers match')
  await user.keyboard('{ArrowDown}{Enter}')
  expect(chosen).toHaveBeenLastCalledWith(['2'])
  await user.keyboard('{ArrowDown}{Enter}')
  expect(chosen).toHaveBeenLastCalledWith(['2', '1'])
  // Enter chose; the form was not sent, and the second time takes back.
  await user.keyboard('{Enter}')
  expect(chosen).toHaveBeenLastCalledWith(['2'])
  expect(sent).not.toHaveBeenCalled()
  await user.clear(box)
  await user.keyboard('{Backspace}')
  expect(chosen).toHaveBeenLastCalledWith([])
  await user.keyboard('{Escape}')
  expect(box).toHaveAttribute('aria-expanded', 'false')
  await user.keyboard('{Enter}')
  expect(sent).toHaveBeenCalledOnce()
})

it('adds all that match, and shows them as chips that can be taken out', async () => {
  const { chosen, user, box } = picker(['3'])
  await user.type(box, 'tag:prod')
  await user.click(screen.getByRole('button', { name: 'Add all 2 that match' }))
  expect(chosen).toHaveBeenLastCalledWith(['3', '1', '2'])
  const chips = screen.getByRole('list', { name: 'Chosen servers' })
  expect(within(chips).getAllByRole('listitem')).toHaveLength(3)
  await user.click(screen.getByRole('button', { name: 'Take db-1 out' }))
  expect(chosen).toHaveBeenLastCalledWith(['1', '2'])
  await user.click(screen.getByRole('button', { name: 'Take all out' }))
  expect(chosen).toHaveBeenLastCalledWith([])
  expect(box).toHaveFocus()
})

it('says so when nothing matches or the text is not understood', async () => {
  const { user, box } = picker()
  await user.type(box, 'nothing-like-it')
  expect(screen.getByRole('status')).toHaveTextContent('0 of 3 servers match')
  expect(screen.getByText('No server matches.')).toBeVisible()
  await user.clear(box)
  await user.type(box, 'colour:red')
  expect(screen.getByRole('status')).toHaveTextContent('is not a field')
})
