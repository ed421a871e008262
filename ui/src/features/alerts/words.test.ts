import { expect, it } from 'vitest'
import { causeText, toldOf, trialText } from './words'

it('says what became of telling somebody', () => {
  const event = { channel_name: 'on call', occasion: 'raised', attempts: 3 }
  expect(toldOf({ ...event, delivery: { sent: { answer: '200 OK', took_ms: 1200 } } })).toEqual({
    channel: 'on call',
    what: 'that it began',
    tone: 'ok',
    result: 'Sent in 1.2 s, after 3 tries',
    detail: '200 OK',
  })
  expect(toldOf({ ...event, delivery: { failed: { reason: 'no route' } } })).toMatchObject({
    tone: 'bad',
    detail: 'no route',
  })
  expect(
    toldOf({ ...event, delivery: { held: { why: { storm: { alerts: 40 } } } } }).detail,
  ).toContain('40 alerts')
  expect(toldOf({ ...event, delivery: { held: { why: 'over' } } }).detail).toContain('was over')
  expect(toldOf({ ...event, delivery: { held: { why: { silence: 'x' } } } }).result).toBe(
    'Kept back',
  )
  // What a later build says is shown as far as it is understood.
  expect(toldOf({ delivery: {} }).result).toBe('Kept back')
})

it('knows no cause that it was not told of', () => {
  expect(causeText('server_gone')).toBe('the server was deleted')
  expect(causeText('a later one')).toBe('something else')
})

it('says what a trial found', () => {
  expect(trialText(0, 0)).toBe('It would never have fired')
  expect(trialText(1, 0)).toBe('It would have fired once')
  expect(trialText(2, 0)).toBe('It would have fired twice; it never came back within ten minutes')
  expect(trialText(5, 2)).toBe('It would have fired 5 times; it came back within ten minutes twice')
})
