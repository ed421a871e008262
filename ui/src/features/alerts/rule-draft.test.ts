import { expect, it } from 'vitest'
import { newRule, ruleProblems, ruleRequest, wrongAt } from './rule-draft'

it('finds the character that a problem names', () => {
  expect(wrongAt('a number, such as 90, was expected (at character 7)')).toBe(6)
  expect(wrongAt('the series is not known')).toBeNull()
})

it('says what a rule lacks before it is saved', () => {
  const draft = newRule()
  expect(ruleProblems(draft)).toEqual({ name: 'Give it a name' })
  expect(
    Object.keys(ruleProblems({ ...draft, wording: ' ', scope: { how: 'tags', tags: [] } })).sort(),
  ).toEqual(['name', 'scope', 'wording'])
  expect(ruleRequest({ ...draft, name: ' Busy ', scope: { how: 'tags', tags: ['db'] } })).toEqual({
    name: 'Busy',
    note: '',
    severity: 'warning',
    enabled: true,
    scope: { tags: ['db'] },
    wording: 'cpu > 90 clear 80 for 5m',
  })
})
