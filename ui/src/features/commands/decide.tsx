import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { Command } from '@/shared/api/model'
import { useMayOperate } from '@/shared/servers/may-operate'
import { meQuery } from '@/shared/session/session'
import { Approval, type Verdict } from '@/shared/ui/approval'
import { toastProblem } from '@/shared/ui/toast'
import { commandQuery, decide } from './command-query'

/** A command that waits for a second person. */
export function Decide({ command }: { command: Command }) {
  const client = useQueryClient()
  const { data: me } = useQuery(meQuery)
  const mayDecide = useMayOperate(command.server_id)
  const act = useMutation({
    mutationFn: (verdict: Verdict) => decide(command.id, verdict),
    onError: (error) => toastProblem('Not decided', error),
    onSettled: () => client.invalidateQueries({ queryKey: commandQuery(command.id).queryKey }),
  })
  return (
    <Approval
      who={command.actor_name}
      asked={command.requested_at}
      until={command.not_after}
      own={me !== undefined && command.actor === `user:${me.id}`}
      mayDecide={me !== undefined && mayDecide === true}
      busy={act.isPending ? act.variables : null}
      onDecide={(verdict) => act.mutate(verdict)}
    />
  )
}
