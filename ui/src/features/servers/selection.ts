/** Which servers of the list are chosen for a change of many. Pure, apart from the hook at the end. */
import { useCallback, useMemo, useRef, useState } from 'react'

export interface Selection {
  readonly ids: ReadonlySet<string>
  /** Where a range begins: the row that was chosen last by itself. */
  readonly anchor: string | null
}

export const NOTHING: Selection = { ids: new Set(), anchor: null }

export function toggled({ ids }: Selection, id: string): Selection {
  const next = new Set(ids)
  if (!next.delete(id)) next.add(id)
  return { ids: next, anchor: id }
}

/** Everything between the anchor and `id` in the order on screen; without an anchor only `id`. */
export function extended(
  { ids, anchor }: Selection,
  order: readonly string[],
  id: string,
): Selection {
  const to = order.indexOf(id)
  const from = anchor === null ? -1 : order.indexOf(anchor)
  if (to < 0) return { ids, anchor }
  if (from < 0) return { ids: new Set(ids).add(id), anchor: id }
  const next = new Set(ids)
  for (const between of order.slice(Math.min(from, to), Math.max(from, to) + 1)) next.add(between)
  return { ids: next, anchor }
}

/** The same without servers that are gone. */
export function existing(selection: Selection, known: (id: string) => boolean): Selection {
  if ([...selection.ids].every(known)) return selection
  return {
    ids: new Set([...selection.ids].filter(known)),
    anchor: selection.anchor !== null && known(selection.anchor) ? selection.anchor : null,
  }
}

/** Functions keep their identity, so rows of the list need not be drawn anew for them. */
export function useSelection(order: readonly string[], known: (id: string) => boolean) {
  const [chosen, setChosen] = useState(NOTHING)
  const selection = existing(chosen, known)
  if (selection !== chosen) setChosen(selection)
  const latestOrder = useRef(order)
  latestOrder.current = order
  const pick = useCallback((id: string, range: boolean) => {
    setChosen((before) => (range ? extended(before, latestOrder.current, id) : toggled(before, id)))
  }, [])
  const pickAll = useCallback(
    () => setChosen(({ anchor }) => ({ ids: new Set(latestOrder.current), anchor })),
    [],
  )
  const clear = useCallback(() => setChosen(NOTHING), [])
  return useMemo(
    () => ({ ids: selection.ids, pick, pickAll, clear }),
    [selection.ids, pick, pickAll, clear],
  )
}

export type ServerSelection = ReturnType<typeof useSelection>
