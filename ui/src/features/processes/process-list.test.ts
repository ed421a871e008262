import { describe, expect, it } from 'vitest'
import type { HostProcess } from '@/shared/api/model'
import { arrange, DEFAULT_PROCESS_SORT } from './process-list'

const process = (pid: number, ppid: number, more: Partial<HostProcess> = {}): HostProcess => ({
  pid,
  ppid,
  start_ticks: '1',
  name: `p${pid}`,
  command: '',
  user: 'root',
  state: 'S',
  cpu: 0,
  mem: 0,
  threads: 1,
  started_at: null,
  ...more,
})

const LIST = [
  process(1, 0, { name: 'init' }),
  process(10, 1, { name: 'sshd', cpu: 1 }),
  process(11, 10, { name: 'bash', user: 'ada', cpu: 5 }),
  process(20, 1, { name: 'nginx', command: 'nginx: master', cpu: 2 }),
  process(21, 20, { name: 'nginx', command: 'nginx: worker', cpu: null }),
]
const shown = (text: string, sort = DEFAULT_PROCESS_SORT, tree = false) =>
  arrange(LIST, text, sort, tree).rows.map((row) => `${' '.repeat(row.depth)}${row.process.pid}`)

describe('processes', () => {
  it('are sorted, what is not known last', () => {
    expect(shown('')).toEqual(['11', '20', '10', '1', '21'])
    expect(shown('', { column: 'cpu', descending: false })).toEqual(['1', '10', '20', '11', '21'])
    expect(shown('', { column: 'name', descending: false })).toEqual(['11', '1', '20', '21', '10'])
  })

  it('are found by words and by number', () => {
    expect(shown('nginx WORKER')).toEqual(['21'])
    expect(shown('ada')).toEqual(['11'])
    expect(shown('10')).toEqual(['10'])
    expect(arrange(LIST, 'nothing', DEFAULT_PROCESS_SORT, true)).toEqual({ rows: [], matching: 0 })
  })

  it('stand below their ancestors in a tree, also when only they match', () => {
    expect(shown('', DEFAULT_PROCESS_SORT, true)).toEqual(['1', ' 20', '  21', ' 10', '  11'])
    expect(shown('bash', DEFAULT_PROCESS_SORT, true)).toEqual(['1', ' 10', '  11'])
    expect(arrange(LIST, 'bash', DEFAULT_PROCESS_SORT, true).matching).toBe(1)
  })

  it('never hang on processes that are each other’s parents', () => {
    const odd = [process(5, 6), process(6, 5), process(7, 7)]
    const rows = arrange(odd, '', DEFAULT_PROCESS_SORT, true).rows
    expect(rows.map((row) => row.process.pid)).toEqual([7, 5, 6])
  })
})
