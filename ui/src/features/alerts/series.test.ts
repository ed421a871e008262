import { describe, expect, it } from 'vitest'
import { labelOf, unitOf, valueText } from './series'
import { timeMs, timeText } from './times'

describe('a number of a rule', () => {
  it('is in what its name says', () => {
    expect(unitOf('cpu')).toBe('percent')
    expect(unitOf('fs:/mnt/a:b:share')).toBe('percent')
    expect(unitOf('fs:*:available')).toBe('bytes')
    expect(unitOf('net:eth0:rx_errors')).toBe('per_s')
    expect(unitOf('core:3')).toBe('percent')
    expect(unitOf('"container:my app:mem"')).toBe('bytes')
    expect(unitOf('procs_blocked')).toBe('count')
  })

  it('keeps its unit over a window, unless it becomes a rate', () => {
    expect(unitOf('avg(cpu, 5m)')).toBe('percent')
    expect(unitOf('change(fs:/:available, 1h)')).toBe('bytes')
    expect(unitOf('rate(fs:/:used, 10m)')).toBe('load')
  })

  it('says that a value was missing', () => {
    expect(valueText('cpu', 93.25)).toBe('93.3 %')
    expect(valueText('cpu', null)).toBe('–')
    expect(valueText('fs:/:available', 2 ** 30)).toBe('1.00 GiB')
  })

  it('has a name for people where there is one', () => {
    expect(labelOf('mem')).toBe('Memory used, share')
    expect(labelOf('fs:*:share')).toBe('Each file system: used, share')
    expect(labelOf('fs:/var:share')).toBe('fs:/var:share')
  })
})

describe('a stretch of time', () => {
  it('is read as the rules read it', () => {
    expect(timeMs('5m')).toBe(300_000)
    expect(timeMs(' 1h30m ')).toBe(5_400_000)
    expect(timeMs('250ms')).toBe(250)
    for (const text of ['', '5', '5 m', 'm', '5x', '-5m']) expect(timeMs(text)).toBeNull()
  })

  it('is written in as few words as can be', () => {
    for (const text of ['30s', '5m', '1h30m', '1d2h', '1s500ms']) {
      expect(timeText(timeMs(text) ?? -1)).toBe(text)
    }
    expect(timeText(0)).toBe('0s')
    expect(timeText(90_000)).toBe('1m30s')
  })
})
