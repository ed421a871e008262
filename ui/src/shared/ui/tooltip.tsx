import { Tooltip as Base } from '@base-ui/react/tooltip'
import type { ReactElement, ReactNode } from 'react'

export const TooltipProvider = Base.Provider

/** A hint for an element that already has a name; it must not be the only place for a fact. */
export function Tooltip({
  hint,
  children,
  side = 'bottom',
}: {
  hint: ReactNode
  children: ReactElement
  side?: 'top' | 'bottom' | 'left' | 'right'
}) {
  return (
    <Base.Root>
      <Base.Trigger render={children} />
      <Base.Portal>
        <Base.Positioner sideOffset={6} side={side} className="z-50">
          <Base.Popup className="max-w-72 animate-fade rounded-md bg-ink px-2 py-1 text-bg text-xs shadow-float">
            {hint}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  )
}
