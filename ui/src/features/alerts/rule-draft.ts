/** A rule as it is being written, and as the API takes it. Pure. */
import type { AlertRule, AlertRuleRequest, Severity, StarterRule } from '@/shared/api/model'
import { type ScopeDraft, scopeDraftOf, scopeOf } from './silence-draft'

export interface RuleDraft {
  name: string
  note: string
  severity: Severity
  enabled: boolean
  scope: ScopeDraft
  wording: string
}

export const newRule = (): RuleDraft => ({
  name: '',
  note: '',
  severity: 'warning',
  enabled: true,
  scope: { how: 'all' },
  wording: 'cpu > 90 clear 80 for 5m',
})

export const ruleDraftOf = (rule: AlertRule): RuleDraft => ({
  name: rule.name,
  note: rule.note,
  severity: rule.severity,
  enabled: rule.enabled,
  scope: scopeDraftOf(rule.scope),
  wording: rule.wording,
})

export type RuleProblems = Partial<Record<'name' | 'wording' | 'scope', string>>

export function ruleProblems(draft: RuleDraft): RuleProblems {
  const found: RuleProblems = {}
  if (draft.name.trim() === '') found.name = 'Give it a name'
  if (draft.wording.trim() === '') found.wording = 'Say what has to be true'
  if (scopeOf(draft.scope) === null) found.scope = 'Say on which servers'
  return found
}

export const ruleRequest = (draft: RuleDraft): AlertRuleRequest => ({
  name: draft.name.trim(),
  note: draft.note.trim(),
  severity: draft.severity,
  enabled: draft.enabled,
  scope: scopeOf(draft.scope) ?? 'all',
  wording: draft.wording.trim(),
})

export const starterRequest = (rule: StarterRule): AlertRuleRequest => ({
  ...rule,
  enabled: true,
  scope: 'all',
})

/** Where a wording is wrong, from the words of its problem: the place counted from 0; null when it names none. */
export function wrongAt(message: string): number | null {
  const at = /\(at character (\d+)\)/.exec(message)?.[1]
  return at === undefined ? null : Number(at) - 1
}
