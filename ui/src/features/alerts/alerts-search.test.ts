import { expect, it } from 'vitest'
import { alertsFilter, isFiltered, NO_FILTERS } from './alerts-search'

it('asks for what is open unless it is told otherwise', () => {
  expect(alertsFilter({})).toMatchObject({ state: 'open', acknowledged: undefined })
  expect(alertsFilter({ state: 'resolved', acknowledged: 'no', severity: 'info' })).toMatchObject({
    state: 'resolved',
    acknowledged: false,
    severity: 'info',
  })
})

it('lets words through that nobody knows', () => {
  expect(alertsFilter({ state: 'x', severity: 'x', acknowledged: 'x' })).toMatchObject({
    state: 'open',
    severity: undefined,
    acknowledged: undefined,
  })
})

it('knows whether anything is filtered', () => {
  expect(isFiltered({ state: 'resolved' })).toBe(false)
  expect(isFiltered({ tag: 'prod' })).toBe(true)
  expect(isFiltered({ tag: 'prod', ...NO_FILTERS })).toBe(false)
})
