import { expect, it } from 'vitest'
import { find } from './search'

const items = [
  { label: 'db-web', words: 'prod' },
  { label: 'web-01', words: 'prod frankfurt' },
  { label: 'Settings', words: 'profile password' },
]
const labels = (text: string, most = 10) => find(items, text, most).map((item) => item.label)

it('ranks beginnings before middles and finds by further words', () => {
  expect(labels('web')).toEqual(['web-01', 'db-web'])
  expect(labels('prod web')).toEqual(['web-01', 'db-web'])
  expect(labels('password')).toEqual(['Settings'])
  expect(labels('')).toEqual(['db-web', 'web-01', 'Settings'])
  expect(labels('nothing(')).toEqual([])
  expect(labels('', 1)).toEqual(['db-web'])
})
