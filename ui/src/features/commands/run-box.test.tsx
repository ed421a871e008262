import { render, screen, waitFor } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { expect, it, vi } from 'vitest'
import { Problem } from '@/shared/api/problem'
import { RunBox } from './run-box'

function box(onRun = vi.fn().mockResolvedValue(undefined), past: string[] = []) {
  render(<RunBox host="web-1" past={past} onRun={onRun} />)
  return { onRun, user: userEvent.setup(), line: screen.getByLabelText('Command') }
}

it('runs with Enter, keeps lines with Shift, and is empty for the next one', async () => {
  const { onRun, user, line } = box()
  await user.type(line, 'echo a{Shift>}{Enter}{/Shift}echo b{Enter}')
  expect(onRun).toHaveBeenCalledWith({ command: 'echo a\necho b', timeout: 60 })
  await waitFor(() => expect(line).toHaveValue(''))
  expect(line).toHaveFocus()
})

it('brings back what was run and what was typed', async () => {
  const { user, line } = box(undefined, ['uptime', 'df -h'])
  await user.type(line, 'dra{ArrowUp}')
  expect(line).toHaveValue('uptime')
  await user.keyboard('{ArrowUp}{ArrowUp}')
  expect(line).toHaveValue('df -h')
  await user.keyboard('{ArrowDown}{ArrowDown}')
  expect(line).toHaveValue('dra')
})

it('sends words, folder, variables, input and time', async () => {
  const { onRun, user } = box()
  await user.click(screen.getByLabelText('Program'))
  await user.type(screen.getByLabelText('Program and arguments'), 'printf "%s" \'a b\'')
  await user.click(screen.getByRole('button', { name: /Folder/ }))
  await user.type(screen.getByLabelText('Folder'), '/tmp')
  await user.type(screen.getByLabelText('Variables'), 'TOKEN=s=3')
  await user.type(screen.getByLabelText('Input'), 'hello')
  await user.clear(screen.getByLabelText('Longest time'))
  await user.type(screen.getByLabelText('Longest time'), '5 min')
  await user.click(screen.getByRole('button', { name: 'Run on web-1' }))
  expect(onRun).toHaveBeenCalledWith({
    argv: ['printf', '%s', 'a b'],
    cwd: '/tmp',
    env: { TOKEN: 's=3' },
    stdin: 'hello',
    timeout: 300,
  })
})

it('runs nothing that cannot be understood and says why', async () => {
  const { onRun, user, line } = box()
  await user.type(line, '{Enter}')
  expect(screen.getByRole('status')).toHaveTextContent('Type what to run')
  await user.click(screen.getByRole('button', { name: /Folder/ }))
  await user.type(screen.getByLabelText('Folder'), 'tmp')
  await user.type(line, 'ls{Enter}')
  expect(screen.getByText('Begin with a /')).toBeVisible()
  expect(onRun).not.toHaveBeenCalled()
})

it('keeps what was typed when it is refused, and says why in the words of the API', async () => {
  const refuse = vi.fn().mockRejectedValue(
    new Problem({
      status: 403,
      code: 'CO1403',
      title: 'x',
      detail: 'the host does not allow exec',
    }),
  )
  const { user, line } = box(refuse)
  await user.type(line, 'ls{Enter}')
  expect(await screen.findByText('the host does not allow exec')).toBeVisible()
  expect(line).toHaveValue('ls')
})
