import { useQuery } from '@tanstack/react-query'
import { createFileRoute } from '@tanstack/react-router'
import { ChangePassword } from '@/features/auth/change-password'
import { SecurityPage } from '@/features/security/security-page'
import { usePageTitle } from '@/shared/lib/page-title'
import { meQuery } from '@/shared/session/session'

export const Route = createFileRoute('/_app/settings/security')({ component: Page })

function Page() {
  const { data: me } = useQuery(meQuery)
  usePageTitle('Security')
  return <SecurityPage password={<ChangePassword username={me?.username ?? ''} />} />
}
