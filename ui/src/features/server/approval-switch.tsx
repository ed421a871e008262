import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'
import type { Server } from '@/shared/api/model'
import { fleet } from '@/shared/fleet/fleet'
import { serverQuery } from '@/shared/servers/server-query'
import { Switch } from '@/shared/ui/switch'
import { toast, toastProblem } from '@/shared/ui/toast'

/** Whether what runs on this server needs two people. */
export function ApprovalSwitch({ server }: { server: Server }) {
  const client = useQueryClient()
  const save = useMutation({
    mutationFn: (needed: boolean) =>
      unwrap(
        api.PATCH('/api/v1/servers/{id}', {
          params: { path: { id: server.id } },
          body: { needs_approval: needed },
        }),
      ),
    onSuccess: (next) => {
      client.setQueryData(serverQuery(server.id).queryKey, next)
      fleet.put(next)
      toast({
        tone: 'ok',
        title: next.needs_approval ? 'Commands need approval now' : 'Commands run at once now',
        detail: next.name,
      })
    },
    onError: (error) => toastProblem('Not saved', error),
  })
  return (
    <div className="rounded-lg border border-line p-4">
      <Switch
        label="A second person approves each command"
        hint="Commands, jobs, signals and actions on services and containers wait until somebody else who may operate this server approves them. Undecided for an hour, they are denied. Terminals are not held back: switch them off on the host."
        checked={save.isPending ? save.variables : server.needs_approval}
        onChange={(needed) => save.mutate(needed)}
      />
    </div>
  )
}
