import { createFileRoute, Outlet } from '@tanstack/react-router'
import { SettingsLayout } from '@/features/settings/settings-page'

export const Route = createFileRoute('/_app/settings')({ component: Layout })

function Layout() {
  return (
    <SettingsLayout>
      <Outlet />
    </SettingsLayout>
  )
}
