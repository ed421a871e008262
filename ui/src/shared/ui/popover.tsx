/** A button with a panel of controls. Loaded when somebody reaches for it, as menus are. */
import { cloneElement, lazy, type ReactElement, type ReactNode, Suspense, useState } from 'react'

export interface PopoverProps {
  open?: boolean
  onOpenChange?: (open: boolean) => void
  trigger: ReactElement<Record<string, unknown>>
  /** Read out when it opens. */
  title: string
  children: ReactNode
  align?: 'start' | 'center' | 'end'
  className?: string
}

const load = () => import('./popover-popup')
const PopoverPopup = lazy(load)

export function Popover(props: PopoverProps) {
  const [ownOpen, setOwnOpen] = useState(false)
  const [wanted, setWanted] = useState(false)
  const open = props.open ?? ownOpen
  const change = props.onOpenChange ?? setOwnOpen
  const waiting = cloneElement(props.trigger, {
    'aria-haspopup': 'dialog',
    'aria-expanded': open,
    onPointerEnter: load,
    onFocus: load,
    onClick: () => {
      setWanted(true)
      change(true)
    },
  })
  if (!wanted) return waiting
  return (
    <Suspense fallback={waiting}>
      <PopoverPopup {...props} open={open} onOpenChange={change} />
    </Suspense>
  )
}
