/** The part of `Popover` that is loaded when one is first wanted. */
import { Popover as Base } from '@base-ui/react/popover'
import { cn } from '../lib/cn'
import type { PopoverProps } from './popover'

export default function PopoverPopup({
  open,
  onOpenChange,
  trigger,
  title,
  children,
  align = 'end',
  className,
}: PopoverProps & { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Base.Root open={open} onOpenChange={(next) => onOpenChange(next)}>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner sideOffset={6} align={align} className="z-50" collisionPadding={8}>
          <Base.Popup
            className={cn(
              'max-h-[min(80dvh,var(--available-height))] w-80 max-w-[calc(100vw-1rem)] animate-rise overflow-y-auto rounded-lg border border-line bg-surface p-3 shadow-float outline-none',
              className,
            )}
          >
            <Base.Title className="sr-only">{title}</Base.Title>
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  )
}
