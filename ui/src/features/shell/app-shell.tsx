/** Everything around a page behind the sign-in. */
import { useNavigate } from '@tanstack/react-router'
import { Menu as MenuIcon, Search } from 'lucide-react'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import { isMac, useHotkeys } from '@/shared/lib/hotkeys'
import { useSession } from '@/shared/session/session'
import { BrandMark } from '@/shared/ui/brand'
import { Button } from '@/shared/ui/button'
import { Kbd } from '@/shared/ui/kbd'
import { Connection } from './connection'
import { setPalette, setShortcuts, useOverlays } from './overlays'
import { Navigation } from './sidebar'

const Drawer = lazy(() => import('@/shared/ui/drawer').then((m) => ({ default: m.Drawer })))
const AlertWatch = lazy(() => import('./alert-watch'))
const Shortcuts = lazy(() => import('./shortcuts'))

export function AppShell({
  children,
  palette,
  reauth,
}: {
  children: ReactNode
  /** Rendered once it was asked for; a route wires it because it is another feature's. */
  palette: ReactNode
  reauth: ReactNode
}) {
  const navigate = useNavigate()
  const [drawer, setDrawer] = useState(false)
  const [drawerUsed, setDrawerUsed] = useState(false)
  const overlays = useOverlays()
  const wanted = useOnceTrue(overlays.palette)
  const helpWanted = useOnceTrue(overlays.shortcuts)
  const ended = useOnceTrue(useSession((state) => state.ended))

  useHotkeys({
    'mod+k': () => setPalette(!useOverlays.getState().palette),
    '?': () => setShortcuts(true),
    'g s': () => void navigate({ to: '/servers' }),
    'g t': () => void navigate({ to: '/alerts' }),
    'g p': () => void navigate({ to: '/people' }),
    'g c': () => void navigate({ to: '/commands' }),
    'g a': () => void navigate({ to: '/audit' }),
    'g ,': () => void navigate({ to: '/settings' }),
  })

  return (
    <div className="flex min-h-dvh">
      <a
        href="#content"
        className="fixed top-2 left-2 z-50 -translate-y-20 rounded-md bg-accent px-3 py-2 font-medium text-on-accent focus:translate-y-0"
      >
        Skip to content
      </a>
      <aside className="sticky top-0 hidden h-dvh w-56 shrink-0 flex-col border-line border-r bg-surface lg:flex">
        <Navigation />
      </aside>
      <div className="flex min-w-0 flex-1 flex-col">
        <header className="sticky top-0 z-30 flex h-12 items-center gap-2 border-line border-b bg-bg px-3 sm:px-5 short:static">
          <Button
            variant="quiet"
            size="icon"
            className="-ml-1 lg:hidden"
            aria-label="Open navigation"
            aria-expanded={drawer}
            onClick={() => {
              setDrawerUsed(true)
              setDrawer(true)
            }}
          >
            <MenuIcon aria-hidden="true" />
          </Button>
          <BrandMark className="size-6 lg:hidden" />
          <button
            type="button"
            onClick={() => setPalette(true)}
            className="flex h-8 items-center gap-2 rounded-md border border-line-strong bg-surface pr-1.5 pl-2.5 text-ink-3 hover:border-ink-3 hover:text-ink-2 max-sm:ml-auto max-sm:border-transparent max-sm:bg-transparent sm:w-72 touch:h-11"
          >
            <Search className="size-4" aria-hidden="true" />
            <span className="flex-1 text-left max-sm:sr-only">Search and jump</span>
            <span className="flex gap-0.5 max-sm:hidden" aria-hidden="true">
              <Kbd>{isMac ? '⌘' : 'Ctrl'}</Kbd>
              <Kbd>K</Kbd>
            </span>
          </button>
          <div className="flex items-center gap-2 sm:ml-auto">
            <Connection />
          </div>
        </header>
        <main id="content" tabIndex={-1} className="min-w-0 flex-1 outline-none">
          {children}
        </main>
      </div>
      <Suspense>
        <AlertWatch />
      </Suspense>
      <Suspense>
        {drawerUsed ? (
          <Drawer open={drawer} onOpenChange={setDrawer} title="Navigation">
            <Navigation onNavigate={() => setDrawer(false)} />
          </Drawer>
        ) : null}
        {wanted ? palette : null}
        {helpWanted ? <Shortcuts /> : null}
        {ended ? reauth : null}
      </Suspense>
    </div>
  )
}

/** True from the first time on: an overlay is loaded when wanted and then kept for its closing. */
function useOnceTrue(value: boolean): boolean {
  const [once, setOnce] = useState(value)
  if (value && !once) setOnce(true)
  return once || value
}
