import { useQuery } from '@tanstack/react-query'
import { X } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { LineDetail } from '@/shared/logs/line-detail'
import { LogRow } from '@/shared/logs/log-row'
import { Button } from '@/shared/ui/button'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import { lineOf, lineQuery } from './logs-query'

/** One line among its neighbours, as its address shows it. */
export function OneLine({ id, onClose }: { id: string; onClose: () => void }) {
  const query = useQuery(lineQuery(id))
  const marked = useRef<HTMLDivElement>(null)
  const found = query.data !== undefined
  useEffect(() => {
    if (found) marked.current?.scrollIntoView({ block: 'center' })
  }, [found])
  return (
    <section aria-label="One line and its neighbours" className="card mb-4 overflow-hidden">
      <header className="flex items-center justify-between border-line border-b px-3 py-1.5">
        <h2 className="font-medium">One line and its neighbours</h2>
        <Button variant="quiet" size="iconSm" aria-label="Back to the search" onClick={onClose}>
          <X aria-hidden="true" />
        </Button>
      </header>
      {query.isError ? (
        <ProblemPanel what="The line could not be loaded" error={query.error} />
      ) : null}
      {query.isPending ? (
        <Late>
          <Skeleton className="h-48" />
        </Late>
      ) : null}
      {query.data ? (
        <>
          <div className="max-h-80 overflow-auto py-1 font-mono text-xs">
            {[...query.data.before, query.data.line, ...query.data.after].map((entry) => (
              <div key={entry.id} ref={entry.id === query.data.line.id ? marked : undefined}>
                <LogRow
                  line={lineOf(entry, null)}
                  search={null}
                  wrap
                  times
                  streams={false}
                  marked={entry.id === query.data.line.id}
                  selected={false}
                  onOpen={() => undefined}
                />
              </div>
            ))}
          </div>
          <LineDetail
            line={lineOf(query.data.line, null)}
            href={null}
            onClose={onClose}
            onContext={null}
          />
        </>
      ) : null}
    </section>
  )
}
