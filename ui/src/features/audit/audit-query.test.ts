import { expect, it } from 'vitest'
import { exportHref, filterOf } from './audit-query'

it('means the last day to its end, and leaves out what is not given', () => {
  const filter = filterOf({ actor: 'ada', from: '2026-03-01', to: '2026-03-01' })
  expect(filter.actor).toBe('ada')
  expect(Date.parse(filter.to ?? '') - Date.parse(filter.from ?? '')).toBe(86_400_000)
  expect(filterOf({ from: 'yesterday' }).from).toBeUndefined()
})

it('exports what is on screen', () => {
  expect(exportHref({ action: 'server.*', result: 'denied' }, 'csv')).toBe(
    '/api/v1/audit/export?action=server.*&result=denied&format=csv',
  )
})
