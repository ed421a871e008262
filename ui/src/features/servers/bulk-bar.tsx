import { Download, Tag, X } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import type { FleetRow } from '@/shared/fleet/store'
import { plural } from '@/shared/lib/format'
import { Button } from '@/shared/ui/button'

const TagsDialog = lazy(() => import('./tags-dialog'))

/** What can be done with the chosen servers. Stays in sight at the foot of the list. */
export function BulkBar({
  chosen,
  hidden,
  matching,
  onAll,
  onClear,
  onCsv,
}: {
  chosen: readonly FleetRow[]
  /** How many of them the filter does not show. */
  hidden: number
  matching: number
  onAll: () => void
  onClear: () => void
  onCsv: () => void
}) {
  const [tagging, setTagging] = useState(false)
  return (
    <section
      aria-label="Selected servers"
      className="sticky bottom-3 z-20 mx-auto mt-3 flex w-fit max-w-full flex-wrap items-center gap-2 rounded-lg border border-line-strong bg-surface p-2 pl-3.5 shadow-float"
    >
      <p role="status" className="tnum mr-1">
        <b className="font-semibold">{plural(chosen.length, 'server')}</b> selected
        {hidden > 0 ? (
          <span className="text-ink-2">, {hidden.toLocaleString('en')} not shown</span>
        ) : null}
      </p>
      {chosen.length - hidden < matching ? (
        <Button variant="quiet" onClick={onAll}>
          Select all {matching.toLocaleString('en')}
        </Button>
      ) : null}
      <Button onClick={() => setTagging(true)}>
        <Tag aria-hidden="true" />
        Change tags
      </Button>
      <Button onClick={onCsv}>
        <Download aria-hidden="true" />
        CSV
      </Button>
      <Button size="icon" variant="quiet" aria-label="Clear the selection" onClick={onClear}>
        <X aria-hidden="true" />
      </Button>
      {tagging ? (
        <Suspense>
          <TagsDialog chosen={chosen} onClose={() => setTagging(false)} />
        </Suspense>
      ) : null}
    </section>
  )
}
