import { createFileRoute, Outlet } from '@tanstack/react-router'
import { PeopleLayout } from '@/features/people/people-layout'

export const Route = createFileRoute('/_app/people')({ component: Layout })

function Layout() {
  return (
    <PeopleLayout>
      <Outlet />
    </PeopleLayout>
  )
}
