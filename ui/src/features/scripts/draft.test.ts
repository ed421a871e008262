import { describe, expect, it } from 'vitest'
import type { Script } from '@/shared/api/model'
import { draftOf, EMPTY, newParameter, problemsOf, requestOf } from './draft'

const script = {
  name: 'deploy',
  description: null,
  command: 'deploy "$RELEASE"',
  argv: null,
  cwd: '/srv',
  timeout_s: 90,
  needs_approval: true,
  parameters: [
    { name: 'RELEASE', kind: 'text', description: 'which', required: true },
    { name: 'COLOUR', kind: 'choice', choices: ['red', 'blue'], default: 'red', required: false },
  ],
} as unknown as Script

describe('a script as it is being written', () => {
  it('comes back from the form as it was', () => {
    expect(problemsOf(draftOf(script))).toEqual({})
    expect(requestOf(draftOf(script))).toEqual({
      name: 'deploy',
      description: undefined,
      command: 'deploy "$RELEASE"',
      cwd: '/srv',
      timeout_s: 90,
      needs_approval: true,
      parameters: [
        {
          name: 'RELEASE',
          kind: 'text',
          description: 'which',
          choices: [],
          default: undefined,
          required: true,
        },
        {
          name: 'COLOUR',
          kind: 'choice',
          description: undefined,
          choices: ['red', 'blue'],
          default: 'red',
          required: false,
        },
      ],
    })
  })

  it('keeps arguments apart that have spaces in them', () => {
    const program = { ...script, command: null, argv: ['echo', 'two words'] } as Script
    expect(requestOf(draftOf(program))).toMatchObject({ argv: ['echo', 'two words'] })
    expect(requestOf(draftOf(program))).not.toHaveProperty('command')
  })

  it('never sends a default of a secret', () => {
    const secret = {
      ...newParameter([]),
      name: 'TOKEN',
      kind: 'secret' as const,
      usual: 'left over',
    }
    const [sent] = requestOf({ ...EMPTY, parameters: [secret] }).parameters ?? []
    expect(sent?.default).toBeUndefined()
  })

  it('says what is wrong at the field where it is', () => {
    const one = newParameter([])
    const two = newParameter([one])
    expect(two.key).not.toBe(one.key)
    const found = problemsOf({
      ...EMPTY,
      seconds: '0',
      parameters: [
        { ...one, name: 'A', kind: 'number', usual: 'many' },
        { ...two, name: 'A', kind: 'choice', choices: 'x\ny', usual: 'z' },
        { ...newParameter([one, two]), name: '1st' },
      ],
    })
    expect(Object.keys(found).sort()).toEqual(
      ['name', 'name-1', 'name-2', 'program', 'seconds', 'usual-0', 'usual-1'].sort(),
    )
  })
})
