import { type ReactNode, useEffect, useRef, useState } from 'react'

/** Mounts its child when it comes near the screen, and keeps its place until then. */
export function LazyMount({ height, children }: { height: number; children: ReactNode }) {
  const [near, setNear] = useState(false)
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const element = place.current
    if (!element || near) return
    const watcher = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) setNear(true)
      },
      { rootMargin: '400px' },
    )
    watcher.observe(element)
    return () => watcher.disconnect()
  }, [near])
  if (near) return children
  return <div ref={place} className="card" style={{ height }} />
}
