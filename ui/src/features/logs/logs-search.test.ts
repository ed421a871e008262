import { describe, expect, it } from 'vitest'
import { downloadHref, filterOf, toggled } from './logs-search'

describe('the search of logs', () => {
  it('asks for the last hour unless something else is named', () => {
    expect(filterOf({}, undefined)).toMatchObject({ from: 'now-1h', to: undefined })
    expect(filterOf({ range: '7d' }, undefined)).toMatchObject({ from: 'now-7d' })
    expect(filterOf({ range: 'forever' }, undefined)).toMatchObject({ from: 'now-1h' })
    expect(filterOf({ from: 'a', to: 'b', range: '7d' }, undefined)).toMatchObject({
      from: 'a',
      to: 'b',
    })
  })

  it('asks for a text or for a pattern, never for both', () => {
    expect(filterOf({ q: 'a.b' }, undefined)).toMatchObject({ text: 'a.b', pattern: undefined })
    expect(filterOf({ q: 'a.b', regex: true }, undefined)).toMatchObject({
      text: undefined,
      pattern: 'a.b',
    })
  })

  it('puts words into a list and takes them out', () => {
    expect(toggled(undefined, 'warn')).toBe('warn')
    expect(toggled('warn', 'error')).toBe('warn,error')
    expect(toggled('warn', 'warn')).toBeUndefined()
  })

  it('downloads what the page of one server shows', () => {
    const href = downloadHref({ q: 'a b', servers: 'other' }, 'web-1', 'text')
    expect(href).toContain('servers=web-1')
    expect(href).toContain('text=a+b')
    expect(href).toContain('format=text')
  })
})
