import { expect, it } from 'vitest'
import { sane, saveView, usePrefs } from './prefs'

it('makes something usable of whatever lies in storage', () => {
  const usual = {
    singleKeys: true,
    density: 'compact',
    columns: null,
    widths: {},
    views: [],
    recent: [],
    screenReader: false,
  }
  expect(sane(null)).toEqual(usual)
  const odd = {
    singleKeys: 'yes',
    density: 'huge',
    columns: [1, 2],
    widths: { cpu: 'wide', mem: 90 },
    views: [{ name: 'prod', q: 'tag:prod', sort: 7 }, { q: 'x' }, null],
    recent: [{ id: 1 }, { id: 'a', name: 'web' }, null],
  }
  expect(sane(odd as never)).toEqual({
    ...usual,
    widths: { mem: 90 },
    views: [{ name: 'prod', q: 'tag:prod' }],
    recent: [{ id: 'a', name: 'web' }],
  })
})

it('replaces a saved view of the same name where it stands', () => {
  saveView({ name: 'prod', q: 'tag:prod' })
  saveView({ name: 'down', q: 'status:offline' })
  saveView({ name: 'prod', q: 'tag:prod cpu>80', sort: '-cpu' })
  expect(usePrefs.getState().views).toEqual([
    { name: 'prod', q: 'tag:prod cpu>80', sort: '-cpu' },
    { name: 'down', q: 'status:offline' },
  ])
})
