/** The part of `Dialog` that is loaded when one first opens. */
import { Dialog as Base } from '@base-ui/react/dialog'
import { X } from 'lucide-react'
import { cn } from '../lib/cn'
import { Button } from './button'
import type { DialogProps } from './dialog'

export default function DialogPopup({
  open,
  onOpenChange,
  title,
  description,
  children,
  footer,
  className,
  dismissable = true,
  initialFocus,
}: DialogProps) {
  return (
    <Base.Root
      open={open}
      onOpenChange={(next) => {
        if (next || dismissable) onOpenChange(next)
      }}
      disablePointerDismissal={!dismissable}
    >
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 animate-fade bg-scrim" />
        <Base.Popup
          initialFocus={initialFocus}
          className={cn(
            'fixed inset-x-3 top-[max(1rem,8vh)] z-40 mx-auto flex max-h-[84dvh] max-w-lg animate-rise flex-col rounded-xl border border-line bg-surface shadow-float outline-none',
            className,
          )}
        >
          <div className="flex items-start justify-between gap-4 px-5 pt-4">
            <div className="min-w-0">
              <Base.Title className="font-semibold text-lg">{title}</Base.Title>
              {description ? (
                <Base.Description className="mt-1 text-ink-2">{description}</Base.Description>
              ) : null}
            </div>
            {dismissable ? (
              <Base.Close
                render={
                  <Button variant="quiet" size="iconSm" aria-label="Close" className="-mr-2">
                    <X aria-hidden="true" />
                  </Button>
                }
              />
            ) : null}
          </div>
          <div className="min-h-0 overflow-y-auto px-5 py-4">{children}</div>
          {footer ? (
            <div className="flex flex-wrap justify-end gap-2 border-line border-t px-5 py-3">
              {footer}
            </div>
          ) : null}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}
