import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Lock } from 'lucide-react'
import type { ReactNode } from 'react'
import { decidesAboutPeople, meQuery } from '@/shared/session/session'
import { Empty } from '@/shared/ui/empty'
import { TabNav, tabStyle } from '@/shared/ui/tab-nav'

const TABS = [
  { to: '/people', label: 'Accounts' },
  { to: '/people/teams', label: 'Teams' },
  { to: '/people/sharing', label: 'Sharing' },
  { to: '/people/invitations', label: 'Invitations' },
] as const

/** Around all pages about who may come in and what they may do. */
export function PeopleLayout({ children }: { children: ReactNode }) {
  const { data: me } = useQuery(meQuery)
  if (me && !decidesAboutPeople(me)) {
    return (
      <Empty icon={<Lock aria-hidden="true" />} title="Not with your role">
        Owners and admins manage people. Ask one of them to let somebody in or to change a role.
      </Empty>
    )
  }
  return (
    <div className="mx-auto max-w-5xl px-4 py-6 sm:px-6">
      <h1 className="font-semibold text-xl tracking-tight">People</h1>
      <TabNav label="People">
        {TABS.map((tab) => (
          <Link
            key={tab.to}
            to={tab.to}
            activeOptions={{ exact: tab.to === '/people', includeSearch: false }}
            className={tabStyle}
          >
            {tab.label}
          </Link>
        ))}
      </TabNav>
      <div className="mt-6 flex flex-col gap-10">{children}</div>
    </div>
  )
}
