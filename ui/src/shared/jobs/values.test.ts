import { expect, it } from 'vitest'
import type { Script } from '../api/model'
import { valuesGiven, valuesMissing } from './values'

const script = {
  parameters: [
    { name: 'RELEASE', kind: 'text', required: true },
    { name: 'COLOUR', kind: 'choice', choices: ['red'], required: true, default: 'red' },
    { name: 'NOTE', kind: 'text' },
  ],
} as unknown as Script

it('sends what was filled in and nothing else', () => {
  expect(valuesGiven(script, { RELEASE: '1', NOTE: '', OLD: 'x' })).toEqual({ RELEASE: '1' })
})

it('misses what is required and has no default', () => {
  expect(valuesMissing(script, {})).toEqual(['RELEASE'])
  expect(valuesMissing(script, { RELEASE: '1' })).toEqual([])
})
