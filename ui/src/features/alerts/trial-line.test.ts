import { expect, it } from 'vitest'
import { sideOf, trialLine } from './trial-line'

it('draws the number that the rule looks at', () => {
  expect(trialLine('cpu', '')?.inputs).toEqual(['cpu'])
  expect(trialLine('net:eth*:rx', 'eth0')?.inputs).toEqual(['net:eth0:rx'])
  expect(trialLine('core:*', '3')?.inputs).toEqual(['core:3'])
  // A rule may look at the whole host and at each device at once.
  expect(trialLine('load1', '/var')?.inputs).toEqual(['load1'])
})

it('works out the share of a file system as df does', () => {
  const line = trialLine('fs:*:share', '/mnt/a:b')
  expect(line?.inputs).toEqual(['fs:/mnt/a:b:used', 'fs:/mnt/a:b:available'])
  expect(line?.value([30, 10])).toBe(75)
  expect(line?.value([30, null])).toBeNull()
  expect(line?.value([0, 0])).toBeNull()
})

it('draws nothing that it would have to guess', () => {
  expect(trialLine('fs:*:share', '')).toBeNull()
  expect(trialLine('fs:/:inodes_share', '')).toBeNull()
})

it('shows the end that the limit looks at', () => {
  expect([sideOf('>'), sideOf('<='), sideOf('=')]).toEqual(['max', 'min', 'avg'])
})
