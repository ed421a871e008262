/** Rules that help almost everybody, to begin with. Nothing is on before somebody chooses it. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { SEVERITY_TEXT, SEVERITY_TONE } from '@/shared/alerts/severity'
import { api, unwrap } from '@/shared/api/client'
import type { AlertRule } from '@/shared/api/model'
import { toProblem } from '@/shared/api/problem'
import { plural } from '@/shared/lib/format'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { FormProblem } from '@/shared/ui/form-problem'
import { Loaded } from '@/shared/ui/loaded'
import { StatusDot } from '@/shared/ui/status-dot'
import { toast } from '@/shared/ui/toast'
import { rulesQuery, starterQuery } from './queries'
import { starterRequest } from './rule-draft'

export default function StarterSet({
  rules,
  onClose,
}: {
  rules: readonly AlertRule[]
  onClose: () => void
}) {
  const client = useQueryClient()
  const query = useQuery(starterQuery)
  const there = new Set(rules.map(({ wording }) => wording))
  const [chosen, setChosen] = useState<ReadonlySet<string> | null>(null)
  const drafts = query.data ?? []
  const free = drafts.filter(({ wording }) => !there.has(wording))
  // The ones that matter most are a good beginning.
  const names =
    chosen ?? new Set(free.filter(({ severity }) => severity !== 'info').map(({ name }) => name))
  const picked = free.filter(({ name }) => names.has(name))
  const add = useMutation({
    mutationFn: async () => {
      for (const draft of picked) {
        await unwrap(api.POST('/api/v1/alerts/rules', { body: starterRequest(draft) }))
      }
      return picked.length
    },
    onSuccess: (count) => {
      toast({ tone: 'ok', title: `${plural(count, 'rule')} on` })
      onClose()
    },
    onSettled: () => client.invalidateQueries({ queryKey: rulesQuery.queryKey }),
  })
  return (
    <Dialog
      open
      onOpenChange={(open) => open || add.isPending || onClose()}
      title="Starter set"
      description="For all servers whose rules you may change. Each can be changed or switched off afterwards."
      className="max-w-2xl"
      footer={
        <>
          <Button disabled={add.isPending} onClick={onClose}>
            Cancel
          </Button>
          <Button
            variant="primary"
            busy={add.isPending}
            disabled={picked.length === 0}
            onClick={() => add.mutate()}
          >
            Switch {plural(picked.length, 'rule')} on
          </Button>
        </>
      }
    >
      <Loaded query={query} what="The starter set could not be loaded">
        {(all) => (
          <ul className="flex flex-col divide-y divide-line">
            {all.map((draft) => {
              const known = there.has(draft.wording)
              return (
                <li key={draft.name}>
                  <label className="flex cursor-pointer items-start gap-3 py-2.5">
                    <input
                      type="checkbox"
                      className="mt-1 size-4 shrink-0 accent-accent"
                      disabled={known}
                      checked={known || names.has(draft.name)}
                      onChange={() => {
                        const next = new Set(names)
                        if (!next.delete(draft.name)) next.add(draft.name)
                        setChosen(next)
                      }}
                    />
                    <span className="min-w-0 flex-1">
                      <span className="flex flex-wrap items-center gap-x-2">
                        <StatusDot tone={SEVERITY_TONE[draft.severity]} />
                        <span className="font-medium">{draft.name}</span>
                        <span className="text-ink-3 text-xs">
                          {known ? 'There already' : SEVERITY_TEXT[draft.severity]}
                        </span>
                      </span>
                      <code className="block break-words text-ink-2 text-xs">{draft.wording}</code>
                      <span className="block text-ink-3 text-xs">{draft.note}</span>
                    </span>
                  </label>
                </li>
              )
            })}
          </ul>
        )}
      </Loaded>
      {add.isError ? <FormProblem error={toProblem(add.error)} /> : null}
    </Dialog>
  )
}
