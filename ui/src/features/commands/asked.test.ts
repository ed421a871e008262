import { expect, it } from 'vitest'
import { askedOf, draftOf } from './asked'

// The types of the contract leave the shape of `asked` open.
const command = (asked: object, line = 'x') => ({
  asked: asked as never,
  command: line,
  timeout_s: 300,
})

it('reads what a command was given, and types it again without what was secret', () => {
  const asked = command({
    run: {
      program: { argv: ['ls', 'a b'] },
      cwd: '/tmp',
      env: ['TOKEN'],
      stdin_bytes: 5,
      output_limit: 1,
    },
  })
  expect(askedOf(asked)).toEqual({
    cwd: '/tmp',
    env: ['TOKEN'],
    stdinBytes: 5,
    argv: ['ls', 'a b'],
  })
  expect(draftOf(asked)).toEqual({
    mode: 'argv',
    line: "ls 'a b'",
    cwd: '/tmp',
    env: 'TOKEN=',
    stdin: '',
    time: '5 min',
  })
})

it('makes do with what it does not know', () => {
  const shell = command({ run: { program: { shell: 'df -h' } } }, 'df -h')
  expect(draftOf(shell)).toMatchObject({ mode: 'shell', line: 'df -h', cwd: '', env: '' })
  const empty = { cwd: null, env: [], stdinBytes: 0, argv: null }
  expect(askedOf(command({ unit: { unit: 'a', action: 'start' } }))).toEqual(empty)
  expect(askedOf({ asked: null as never })).toEqual(empty)
})
