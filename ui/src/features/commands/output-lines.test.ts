import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { spans } from '@/shared/logs/ansi'
import { LogBuffer } from '@/shared/logs/buffer'
import { OutputLines } from './output-lines'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

type Written = ['stdout' | 'stderr', string | Uint8Array]

function lines(...written: Written[]) {
  const buffer = new LogBuffer()
  const output = new OutputLines(buffer)
  const encoder = new TextEncoder()
  for (const [stream, data] of written) {
    output.take({ stream, data: typeof data === 'string' ? encoder.encode(data) : data, at: 1 })
  }
  output.end()
  vi.runAllTimers()
  return buffer.held().lines.map((line) => `${line.stream === 'stderr' ? '!' : ''}${line.text}`)
}

it('keeps both streams in the order in which they were read, whatever the cuts', () => {
  expect(
    lines(['stdout', 'one\ntw'], ['stderr', 'oh\n'], ['stdout', 'o\nthree'], ['stderr', 'no']),
  ).toEqual(['one', 'two', '!oh', 'three', '!no'])
  expect(lines(['stdout', 'a\n\nb\n'])).toEqual(['a', '', 'b'])
})

it('puts characters together that lie across pieces, and shows broken ones as such', () => {
  const euro = new TextEncoder().encode('€')
  expect(lines(['stdout', euro.slice(0, 1)], ['stderr', 'x'], ['stdout', euro.slice(1)])).toEqual([
    '!x',
    '€',
  ])
  expect(lines(['stdout', euro.slice(0, 2)])).toEqual(['\ufffd'])
})

it('shows what a carriage return leaves, as a terminal does', () => {
  expect(lines(['stdout', '10 %\r20 %'], ['stdout', '\r30 %\r'], ['stdout', '\ndone\r\n'])).toEqual(
    ['30 %', 'done'],
  )
})

it('carries a colour into the next line until it is taken back', () => {
  const [first, second, third] = lines(['stdout', '\u001b[31mred\nstill\u001b[0m\nplain'])
  expect([first, second, third].map((line) => spans(line ?? '')[0])).toEqual([
    { text: 'red', style: 'ansi-red' },
    { text: 'still', style: 'ansi-red' },
    { text: 'plain', style: '' },
  ])
})

it('breaks lines that no browser could draw', () => {
  const found = lines(['stdout', 'x'.repeat(40_000)], ['stdout', 'y'.repeat(10)])
  expect(found.map((line) => line.length)).toEqual([16_384, 16_384, 7_242])
})

it('goes on with a new line when the reader has cleared the log', () => {
  const buffer = new LogBuffer()
  const output = new OutputLines(buffer)
  const take = (text: string) =>
    output.take({ stream: 'stdout', data: new TextEncoder().encode(text), at: null })
  take('begun')
  buffer.clear()
  take(' and gone on\n')
  vi.runAllTimers()
  expect(buffer.held().lines.map((line) => line.text)).toEqual(['begun and gone on'])
})
