import { useQueryClient } from '@tanstack/react-query'
import { accept, api } from '@/shared/api/client'
import { refreshPeople } from '@/shared/people/people-query'
import { Confirm } from '@/shared/ui/confirm'
import { toast } from '@/shared/ui/toast'

export interface Revocable {
  id: string
  /** "ann", "team night shift" */
  to: string
  /** "web-01", "tag prod" */
  on: string
}

/** Asks before something is shared no longer. */
export function RevokeGrant({ grant, onClose }: { grant: Revocable | null; onClose: () => void }) {
  const client = useQueryClient()
  return (
    <Confirm
      open={grant !== null}
      onOpenChange={(open) => open || onClose()}
      title="Share this no longer?"
      action="Stop sharing"
      effects={
        <>
          {grant?.on} disappears for {grant?.to} within seconds, also from open windows, unless it
          is shared in another way, too.
        </>
      }
      onConfirm={async () => {
        if (!grant) return
        await accept(api.DELETE('/api/v1/grants/{id}', { params: { path: { id: grant.id } } }))
        await refreshPeople(client)
        toast({ tone: 'ok', title: 'Shared no longer', detail: `${grant.on}: ${grant.to}` })
      }}
    />
  )
}
