/** A dialog over the page. What it is made of is loaded when one first opens. */
import { lazy, type ReactNode, type RefObject, Suspense, useState } from 'react'

export interface DialogProps {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: string
  description?: ReactNode
  children: ReactNode
  footer?: ReactNode
  className?: string
  /** False: only the buttons inside close it (signing in again, for example). */
  dismissable?: boolean
  initialFocus?: RefObject<HTMLElement | null>
}

const DialogPopup = lazy(() => import('./dialog-popup'))

export function Dialog(props: DialogProps) {
  // Kept after the first time: closing has to give the focus back to where it was.
  const [used, setUsed] = useState(props.open)
  if (props.open && !used) setUsed(true)
  if (!used) return null
  return (
    <Suspense>
      <DialogPopup {...props} />
    </Suspense>
  )
}
