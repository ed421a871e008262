import { type ReactNode, useEffect, useRef } from 'react'

/** For the links inside a `TabNav`. */
export const tabStyle =
  'flex h-9 items-center gap-1.5 whitespace-nowrap border-transparent border-b-2 px-2.5 text-ink-2 hover:text-ink focus-visible:-outline-offset-2 touch:h-11 aria-[current=page]:border-accent aria-[current=page]:font-medium aria-[current=page]:text-ink'

/** Links between the pages of one thing; each page has its own address. */
export function TabNav({ label, children }: { label: string; children: ReactNode[] }) {
  const nav = useRef<HTMLElement>(null)
  useEffect(() => {
    // On narrow screens the open tab may lie outside of what fits.
    const open = nav.current?.querySelector<HTMLElement>('[aria-current="page"]')
    if (nav.current && open) nav.current.scrollLeft = open.offsetLeft - 24
  }, [])
  return (
    <nav
      ref={nav}
      aria-label={label}
      className="relative mt-3 overflow-x-auto border-line border-b"
    >
      <ul className="flex gap-1">
        {children.map((link, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the tabs of a thing never move
          <li key={index}>{link}</li>
        ))}
      </ul>
    </nav>
  )
}
