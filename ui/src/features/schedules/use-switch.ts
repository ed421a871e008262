import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { Schedule } from '@/shared/api/model'
import { toast, toastProblem } from '@/shared/ui/toast'
import { keep, switchOff, switchOn } from './queries'

/** Pauses a schedule that is on, or switches it on again; a pause can be undone from its message. */
export function useSwitch({ id, name, enabled }: Pick<Schedule, 'id' | 'name' | 'enabled'>) {
  const client = useQueryClient()
  const undo = () => {
    switchOn(id).then(
      (schedule) => keep(client, schedule),
      (error: unknown) => toastProblem('It is still paused', error),
    )
  }
  return useMutation({
    mutationFn: () => (enabled ? switchOff(id) : switchOn(id)),
    onSuccess: (schedule) => {
      keep(client, schedule)
      if (schedule.enabled) toast({ tone: 'ok', title: 'Schedule on', detail: name })
      else {
        toast({
          tone: 'info',
          title: 'Schedule paused',
          detail: name,
          action: { label: 'Undo', run: undo },
        })
      }
    },
    onError: (error) => toastProblem('It was not done', error),
  })
}
