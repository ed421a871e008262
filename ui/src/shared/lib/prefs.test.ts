import { expect, it } from 'vitest'
import { sane } from './prefs'

it('makes something usable of whatever lies in storage', () => {
  const usual = { singleKeys: true, density: 'compact', columns: null, widths: {}, recent: [] }
  expect(sane(null)).toEqual(usual)
  const odd = {
    singleKeys: 'yes',
    density: 'huge',
    columns: [1, 2],
    widths: { cpu: 'wide', mem: 90 },
    recent: [{ id: 1 }, { id: 'a', name: 'web' }, null],
  }
  expect(sane(odd as never)).toEqual({
    ...usual,
    widths: { mem: 90 },
    recent: [{ id: 'a', name: 'web' }],
  })
})
