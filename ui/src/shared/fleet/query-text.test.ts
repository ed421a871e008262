import { describe, expect, it } from 'vitest'
import {
  chosenValues,
  matches,
  parseQuery,
  wantsAlerting,
  withAlerting,
  withValues,
} from './query-text'
import { toRow } from './store'

const row = toRow({
  id: '1',
  name: 'web-01',
  tags: ['prod', 'Frankfurt am Main'],
  owner: { id: 'u', username: 'ann' },
  status: 'online',
  last_seen: '2026-01-01T00:00:00Z',
  connected_since: null,
  presence_at: null,
  created_at: '2026-01-01T00:00:00Z',
  interval_ms: 5_000,
  needs_approval: false,
  agent: {
    version: '0.1.0',
    hostname: 'ip-10-0-0-7',
    os: 'Debian GNU/Linux 12',
    kernel: '6.1',
    arch: 'x86_64',
    cpu_model: 'x',
    cores: 4,
    memory_total: 1,
    capabilities: [],
    grants: [],
    transport: 'nats',
  },
  alerts: { open: 2, unacknowledged: 0, critical: 0, warning: 2, info: 0 },
  latest: {
    ts: '2026-01-01T00:00:00Z',
    seq: 1,
    cpu: 81.5,
    load1: 1.2,
    mem: 40,
    mem_total: 1,
    swap: 0,
    disk: 70,
    rx: 2_000_000,
    tx: 10,
    temp_max: null,
    uptime_s: 1,
    processes: 200,
  },
})

const hit = (text: string) => matches(parseQuery(text).terms, row, 'online')

describe('query text', () => {
  it.each([
    ['', true],
    ['WEB', true],
    ['10-0-0', true],
    ['prod', true],
    ['db', false],
    ['web prod', true],
    ['web db', false],
    ['-db', true],
    ['-web', false],
    ['tag:prod', true],
    ['tag:pro', false],
    ['tag:dev,prod', true],
    ['-tag:dev', true],
    ['tag:"frankfurt am main"', true],
    ['status:online', true],
    ['status:offline,stale', false],
    ['os:debian', true],
    ['version:0.1.0', true],
    ['version:0.1', false],
    ['cpu>80', true],
    ['cpu>81.5', false],
    ['cpu>=81.5', true],
    ['cpu<80', false],
    ['-cpu<80', true],
    ['mem=40', true],
    ['rx>1M', true],
    ['rx>2M', false],
    ['rx>=1MiB/s', true],
    ['disk>60% load<2', true],
    ['temp>0', false],
    ['alerts>0', true],
    ['critical>0', false],
    ['alerts=2 -critical>1', true],
  ])('%s → %s', (text, expected) => {
    expect(hit(text)).toBe(expected)
  })

  it('says what it does not understand and leaves that out', () => {
    const query = parseQuery('colour:red cpu>many speed>3 status:fine web')
    expect(query.terms).toEqual([{ kind: 'word', text: 'web', negated: false }])
    expect(query.problems).toHaveLength(4)
  })

  it('stays quiet while a term is still being typed', () => {
    expect(parseQuery('cpu> tag: -')).toEqual({
      terms: [{ kind: 'word', text: '-', negated: false }],
      problems: [],
    })
  })

  it('is edited by facets without touching the rest', () => {
    expect(withValues('web cpu>3', 'tag', ['prod', 'a b'])).toBe('web cpu>3 tag:prod,"a b"')
    expect(withValues('tag:prod web tag:dev', 'tag', [])).toBe('web')
    expect(withValues('is:online web', 'status', ['stale'])).toBe('web status:stale')
    expect(withAlerting('web', true)).toBe('web alerts>0')
    expect(wantsAlerting('web alerts>0')).toBe(true)
    expect(withAlerting('alerts>0 web', false)).toBe('web')
    const text = withValues('', 'tag', ['a b', 'c'])
    expect(chosenValues(parseQuery(text).terms, 'tag')).toEqual(['a b', 'c'])
  })
})
