/**
 * A button with a menu. The menu's machinery (positions, focus, typing ahead) is larger than most
 * pages, so it is loaded when somebody reaches for the button; until then the button stands alone.
 */
import { cloneElement, lazy, type ReactElement, type ReactNode, Suspense, useState } from 'react'

export type MenuEntry =
  | { kind: 'action'; label: string; run: () => void; icon?: ReactNode; hint?: ReactNode }
  | { kind: 'line'; id: string }
  | {
      kind: 'choice'
      label: string
      value: string
      options: readonly { value: string; label: string }[]
      choose: (value: string) => void
    }

export interface MenuProps {
  trigger: ReactElement<Record<string, unknown>>
  entries: readonly MenuEntry[]
  align?: 'start' | 'center' | 'end'
  className?: string
}

const load = () => import('./menu-popup')
const MenuPopup = lazy(load)

export function Menu(props: MenuProps) {
  const [open, setOpen] = useState(false)
  const [wanted, setWanted] = useState(false)
  const waiting = cloneElement(props.trigger, {
    'aria-haspopup': 'menu',
    'aria-expanded': open,
    onPointerEnter: load,
    onFocus: load,
    onClick: () => {
      setWanted(true)
      setOpen(true)
    },
  })
  if (!wanted) return waiting
  return (
    <Suspense fallback={waiting}>
      <MenuPopup {...props} open={open} onOpenChange={setOpen} />
    </Suspense>
  )
}
