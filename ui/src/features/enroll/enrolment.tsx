/** The one-time code of a host, inside the command that uses it, with its end counting down. */
import { useMutation } from '@tanstack/react-query'
import { RotateCw, Timer } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import type { Enrolment } from '@/shared/api/model'
import { useNow } from '@/shared/lib/now'
import { Button } from '@/shared/ui/button'
import { FormProblem } from '@/shared/ui/form-problem'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import { CommandBox } from './command-box'
import { offerEnrolment, useOffer } from './issued-keys'

const two = (value: number): string => value.toString().padStart(2, '0')

/** "9:05" */
function left(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000))
  return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`
}

export function EnrolmentCommand({
  server,
  pick,
}: {
  server: string
  /** The command for a bare host, or the one for a host that has the agent's program. */
  pick: (offer: Enrolment) => string
}) {
  const offer = useOffer(server)
  const now = useNow()
  const make = useMutation({ mutationFn: () => offerEnrolment(server) })
  const { mutate } = make
  // Opening the page is asking for the code; coming back within the tab shows the same one.
  const [hadOffer] = useState(offer !== undefined)
  const begun = useRef(hadOffer)
  useEffect(() => {
    if (begun.current) return
    begun.current = true
    mutate()
  }, [mutate])

  if (make.isError && !offer) {
    return (
      <div className="flex flex-col items-start gap-3">
        <FormProblem error={make.error} />
        <Button onClick={() => make.mutate()}>
          <RotateCw aria-hidden="true" />
          Try again
        </Button>
      </div>
    )
  }
  if (!offer) {
    return (
      <Late>
        <Skeleton className="h-32" />
      </Late>
    )
  }
  const ends = Date.parse(offer.expires_at)
  if (ends <= now) {
    return (
      <div className="flex flex-wrap items-center gap-4 rounded-lg border border-line bg-sunken p-4">
        <div className="min-w-0 flex-1 basis-60">
          <p className="font-medium">The code has ended</p>
          <p className="text-ink-2">
            Codes work for ten minutes and once, so that a command left in a chat opens nothing.
          </p>
          <FormProblem error={make.error} />
        </div>
        <Button variant="primary" busy={make.isPending} onClick={() => make.mutate()}>
          Make a new code
        </Button>
      </div>
    )
  }
  return (
    <CommandBox
      command={pick(offer)}
      note={
        <>
          <Timer className="size-4 text-ink-3" aria-hidden="true" />
          <span>
            Works once, for another <span className="tnum font-medium">{left(ends - now)}</span> min
          </span>
          <Button size="sm" variant="quiet" busy={make.isPending} onClick={() => make.mutate()}>
            New code
          </Button>
        </>
      }
    />
  )
}
