import { describe, expect, it, vi } from 'vitest'
import { plain, spans } from './ansi'
import { LogBuffer } from './buffer'
import { alertOf, jsonOf, levelOf } from './line'
import { matcher } from './search'

const line = (text: string) => ({ at: null, text })

describe('ansi', () => {
  it('keeps colours and drops every other sequence', () => {
    const text = '\u001b[1;31mred\u001b[0m and \u001b[2Kplain\u001b]0;title\u0007!\r'
    expect(spans(text)).toEqual([
      { text: 'red', style: 'ansi-red font-semibold' },
      { text: ' and ', style: '' },
      { text: 'plain', style: '' },
      { text: '!', style: '' },
    ])
    expect(plain(text)).toBe('red and plain!')
  })

  it('passes over colours that no theme has', () => {
    expect(spans('\u001b[38;5;196mx\u001b[38;2;1;2;3;32my')).toEqual([
      { text: 'x', style: '' },
      { text: 'y', style: 'ansi-green' },
    ])
  })
})

describe('levels', () => {
  it('are found near the beginning only', () => {
    expect(levelOf(line('2026-01-01 [ERR] x'))).toBe('error')
    expect(levelOf(line('WARNING: disk'))).toBe('warn')
    expect(levelOf(line(`${'x'.repeat(90)} error`))).toBeNull()
    expect(levelOf(line('terror'))).toBeNull()
    expect(levelOf({ at: null, text: 'error', level: 'debug' })).toBe('debug')
  })

  it('reads a JSON line', () => {
    expect(jsonOf('{"a":1}')).toEqual({ a: 1 })
    expect(jsonOf('{a}')).toBeNull()
  })
})

describe('buffer', () => {
  it('holds the newest lines under their numbers and tells readers in bursts', () => {
    vi.useFakeTimers()
    const buffer = new LogBuffer(10)
    const told = vi.fn()
    buffer.subscribe(told)
    for (let i = 0; i < 100; i += 1) buffer.push([line(String(i))])
    expect(told).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1000)
    expect(told).toHaveBeenCalledTimes(1)
    const { first, lines } = buffer.held()
    expect([first, lines.length, lines[0]?.text, lines[9]?.text]).toEqual([90, 10, '90', '99'])
    expect(buffer.held()).toBe(buffer.held())
    buffer.skipped(7)
    vi.advanceTimersByTime(1000)
    expect(buffer.held().lines.at(-1)?.skipped).toBe(7)
    vi.useRealTimers()
  })
})

describe('search', () => {
  it('finds text, expressions and what does not match', () => {
    const text = matcher({ text: 'a.b', regex: false, invert: false })
    expect(text?.matches(line('xA.By'))).toBe(true)
    expect(text?.matches(line('aXb'))).toBe(false)
    expect(text?.ranges('a.b a.b')).toEqual([
      [0, 3],
      [4, 7],
    ])
    expect(matcher({ text: 'A', regex: false, invert: false })?.matches(line('a'))).toBe(false)
    expect(matcher({ text: 'a.b', regex: true, invert: true })?.matches(line('aXb'))).toBe(false)
    expect(matcher({ text: '(', regex: true, invert: false })?.problem).toBeTruthy()
    expect(matcher({ text: '', regex: true, invert: false })).toBeNull()
    const hole = { at: null, text: '', skipped: 3 }
    expect(matcher({ text: 'x', regex: false, invert: true })?.matches(hole)).toBe(false)
  })
})

it('knows a line that is about an alert by its id, not by what a program writes', () => {
  const fields = { alert: 'a-1' }
  expect(alertOf({ ...line('alert: Disk full'), id: 'alert-a-1-7', fields })).toBe('a-1')
  expect(alertOf({ ...line('alert: Disk full'), id: '17-00-1', fields })).toBeNull()
})
