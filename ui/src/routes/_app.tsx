import { createFileRoute, Outlet, redirect } from '@tanstack/react-router'
import { lazy, useEffect } from 'react'
import { AppShell } from '@/features/shell/app-shell'
import { openShortcuts, setPalette, useOverlays } from '@/features/shell/overlays'
import { useSignOut } from '@/features/shell/user-menu'
import { toProblem } from '@/shared/api/problem'
import { mayBeSignedIn, rememberSignedIn } from '@/shared/session/hint'
import { meQuery, sessionOpened, statusQuery } from '@/shared/session/session'

const Palette = lazy(() => import('@/features/palette/palette'))
const ReauthDialog = lazy(() => import('@/features/auth/reauth-dialog'))

export const Route = createFileRoute('/_app')({
  beforeLoad: async ({ context: { queryClient }, location }) => {
    if (mayBeSignedIn()) {
      try {
        await queryClient.ensureQueryData(meQuery)
        return
      } catch (error) {
        // Only a refusal means "sign in"; a server that is away is shown as that.
        if (toProblem(error).status !== 401) throw error
        rememberSignedIn(false)
      }
    }
    const status = await queryClient.fetchQuery({ ...statusQuery, staleTime: 0 })
    if (status.setup_required) throw redirect({ to: '/setup', hash: true })
    throw redirect({ to: '/login', search: { next: location.href } })
  },
  component: AppLayout,
})

function AppLayout() {
  useEffect(() => {
    sessionOpened()
  }, [])
  return (
    <AppShell palette={<PaletteHost />} reauth={<ReauthDialog />}>
      <Outlet />
    </AppShell>
  )
}

function PaletteHost() {
  const open = useOverlays((state) => state.palette)
  const signOut = useSignOut()
  return (
    <Palette
      open={open}
      onOpenChange={setPalette}
      onShortcuts={openShortcuts}
      onSignOut={() => void signOut()}
    />
  )
}
