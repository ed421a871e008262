import { Dialog as Base } from '@base-ui/react/dialog'
import type { ReactNode } from 'react'

/** The navigation of narrow screens. */
export function Drawer({
  open,
  onOpenChange,
  title,
  children,
}: {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: string
  children: ReactNode
}) {
  return (
    <Base.Root open={open} onOpenChange={onOpenChange}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 animate-fade bg-scrim" />
        <Base.Popup className="fixed inset-y-0 left-0 z-40 flex w-72 max-w-[85vw] animate-drawer flex-col border-line border-r bg-surface shadow-float outline-none">
          <Base.Title className="sr-only">{title}</Base.Title>
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}
