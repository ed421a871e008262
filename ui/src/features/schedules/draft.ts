/** A schedule as it is being written, and as the API takes it. Pure. */
import type { Schedule, ScheduleRequest, Script } from '@/shared/api/model'
import { CAREFUL, type PaceForm, paceOf } from '@/shared/jobs/pace-fields'
import { targetsOf } from '@/shared/jobs/targets'
import { type Values, valuesGiven, valuesMissing } from '@/shared/jobs/values'
import type { Where } from '@/shared/jobs/where-fields'
import { ownZone } from '@/shared/schedules/moments'

/** What is run: what it ran before, a command, or the script with this id. */
export type What = 'kept' | 'command' | `script:${string}`

export interface ScheduleDraft {
  name: string
  cron: string
  zone: string
  missed: 'skip' | 'run_once' | 'run_all'
  most: string
  what: What
  command: string
  values: Values
  where: Where
  pace: PaceForm
}

export const newDraft = (): ScheduleDraft => ({
  name: '',
  cron: '30 2 * * *',
  zone: ownZone(),
  missed: 'skip',
  most: '10',
  what: 'command',
  command: '',
  values: {},
  where: { how: 'tag', where: '' },
  pace: CAREFUL,
})

export function draftOf({ targets, plan, ...schedule }: Schedule): ScheduleDraft {
  const where: Where = targets.tag
    ? { how: 'tag', where: targets.tag }
    : targets.query
      ? { how: 'query', where: targets.query }
      : { how: 'ids', where: (targets.servers ?? []).join(' ') }
  return {
    name: schedule.name,
    cron: schedule.cron,
    zone: schedule.zone,
    missed: schedule.missed,
    most: String(schedule.missed_max ?? 10),
    what: 'kept',
    command: '',
    values: {},
    where,
    pace: {
      concurrency: String(plan.concurrency),
      canary: String(plan.canary),
      stopAfter: String(plan.stop_after),
    },
  }
}

export type Problems = Partial<Record<'name' | 'cron' | 'zone' | 'most' | 'what' | 'where', string>>

export function problemsOf(draft: ScheduleDraft, script: Script | undefined): Problems {
  const found: Problems = {}
  if (draft.name.trim() === '') found.name = 'Give it a name'
  if (draft.cron.trim() === '') found.cron = 'Say when'
  if (draft.zone.trim() === '') found.zone = 'Say where that time counts'
  const most = Number(draft.most)
  if (draft.missed === 'run_all' && !(Number.isInteger(most) && most >= 1 && most <= 100)) {
    found.most = 'Use 1 to 100'
  }
  if (draft.what === 'command' && draft.command.trim() === '') found.what = 'Say what to run'
  if (draft.what.startsWith('script:')) {
    const missing = script ? valuesMissing(script, draft.values) : []
    if (!script) found.what = 'Choose what to run'
    else if (missing.length > 0) found.what = `Fill in ${missing.join(', ')}`
  }
  if (targetsOf(draft.where.how, draft.where.where) === null) found.where = 'Say on which servers'
  return found
}

export function requestOf(
  draft: ScheduleDraft,
  script: Script | undefined,
  plan: Schedule['plan'] | undefined,
): ScheduleRequest {
  const run =
    draft.what === 'kept'
      ? undefined
      : draft.what === 'command'
        ? { command: draft.command }
        : script
          ? { script: { id: script.id, values: valuesGiven(script, draft.values) } }
          : undefined
  return {
    name: draft.name.trim(),
    cron: draft.cron.trim(),
    zone: draft.zone.trim(),
    missed: draft.missed,
    missed_max: draft.missed === 'run_all' ? Number(draft.most) : undefined,
    targets: targetsOf(draft.where.how, draft.where.where) ?? {},
    run,
    // How long a host is waited for is no field of the form; it stays as it was.
    pace: { ...paceOf(draft.pace), wait_s: plan?.wait_s },
  }
}
