import { expect, it } from 'vitest'
import { actionsFor, byProject, condition } from './state'

it('says how a container is in a word and a colour', () => {
  expect(condition('running', 'unhealthy')).toEqual({ tone: 'bad', text: 'Unhealthy' })
  expect(condition('running')).toEqual({ tone: 'ok', text: 'Running' })
  expect(condition('exited')).toEqual({ tone: 'off', text: 'Exited' })
  expect(condition(null).text).toBe('Unknown')
})

it('offers what makes sense', () => {
  expect(actionsFor('exited')).toEqual(['start', 'remove'])
  expect(actionsFor('paused')).toContain('unpause')
  expect(actionsFor('running')).not.toContain('remove')
})

it('groups by project, the rest last', () => {
  const groups = byProject([
    { name: 'x' },
    { name: 'b', project: 'shop' },
    { name: 'a', project: 'shop' },
  ])
  expect(groups.map(([name, list]) => [name, list.map((one) => one.name)])).toEqual([
    ['shop', ['a', 'b']],
    ['', ['x']],
  ])
})
