import { type ReactNode, useEffect, useState } from 'react'
import { cn } from '../lib/cn'

/** Quick answers show no loader at all: the children appear only after 300 ms of waiting. */
export function Late({ children }: { children: ReactNode }) {
  const [due, setDue] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setDue(true), 300)
    return () => clearTimeout(timer)
  }, [])
  return due ? children : null
}

export function Skeleton({ className }: { className?: string }) {
  return <div className={cn('animate-breathe rounded-md bg-hover', className)} aria-hidden="true" />
}
