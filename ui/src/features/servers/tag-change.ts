/** Changes the tags of many servers, a few at a time, and can take the change back. */
import { api, unwrap } from '@/shared/api/client'
import type { Server } from '@/shared/api/model'
import { fleet } from '@/shared/fleet/fleet'

export interface TagChange {
  add: readonly string[]
  remove: readonly string[]
}

/** New tags of a server; null when the change leaves them as they are. */
export function tagsAfter(tags: readonly string[], { add, remove }: TagChange): string[] | null {
  const kept = tags.filter((tag) => !remove.includes(tag))
  const next = [...kept, ...add.filter((tag) => !kept.includes(tag))]
  return next.length === tags.length && next.every((tag, at) => tag === tags[at]) ? null : next
}

export interface Target {
  id: string
  name: string
  before: readonly string[]
  after: readonly string[]
}

export function targetsOf(servers: readonly Server[], change: TagChange): Target[] {
  return servers.flatMap(({ id, name, tags }) => {
    const after = tagsAfter(tags, change)
    return after === null ? [] : [{ id, name, before: tags, after }]
  })
}

export const reversed = (targets: readonly Target[]): Target[] =>
  targets.map((target) => ({ ...target, before: target.after, after: target.before }))

export interface Outcome {
  done: Target[]
  failed: { target: Target; error: unknown }[]
}

const AT_ONCE = 6

/** A refused server does not stop the others. */
export async function applyTags(
  targets: readonly Target[],
  onProgress: (done: number) => void,
): Promise<Outcome> {
  const outcome: Outcome = { done: [], failed: [] }
  let next = 0
  const work = async () => {
    for (let target = targets[next++]; target; target = targets[next++]) {
      try {
        const server = await unwrap(
          api.PATCH('/api/v1/servers/{id}', {
            params: { path: { id: target.id } },
            body: { tags: [...target.after] },
          }),
        )
        fleet.put(server)
        outcome.done.push(target)
      } catch (error) {
        outcome.failed.push({ target, error })
      }
      onProgress(outcome.done.length + outcome.failed.length)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return outcome
}
