import { describe, expect, it } from 'vitest'
import { joinArguments, splitArguments } from './arguments'

const split = (text: string) => splitArguments(text).list

describe('arguments', () => {
  it('splits at spaces and keeps what is quoted together', () => {
    expect(split('  ls -l  /tmp\n')).toEqual(['ls', '-l', '/tmp'])
    expect(split(`grep "a b" 'c  d' e\\ f ""`)).toEqual(['grep', 'a b', 'c  d', 'e f', ''])
    expect(split(`a"b"'c'd`)).toEqual(['abcd'])
    expect(split(`"\\"" "\\n" '\\'`)).toEqual(['"', '\\n', '\\'])
  })

  it('expands nothing', () => {
    expect(split('echo $HOME *.c | wc; x')).toEqual(['echo', '$HOME', '*.c', '|', 'wc;', 'x'])
  })

  it('says what is not closed', () => {
    expect(splitArguments(`echo "a`).problem).toMatch(/not closed/)
    expect(splitArguments('echo a\\').problem).toMatch(/backslash/)
  })

  it('joins to what splits into the same list', () => {
    for (const list of [
      ['ls', '-l'],
      ['a b', '', "it's", '$x', 'new\nline', '\\', '"'],
      ['ä', '*'],
    ]) {
      expect(split(joinArguments(list))).toEqual(list)
    }
    expect(joinArguments(['systemctl', 'restart', 'nginx.service'])).toBe(
      'systemctl restart nginx.service',
    )
  })
})
