import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { SettingsSection } from '@/shared/ui/settings-section'
import { Late, Skeleton } from '@/shared/ui/skeleton'
import { ChatLink } from './chat-link'
import { type Back, Identities } from './identities'
import { Passkeys } from './passkeys'
import { TwoStep } from './two-step'
import { securityQuery } from './ways-query'

/** How this person signs in. */
export function SecurityPage({
  password,
  provider,
  back,
}: {
  password: ReactNode
  /** What the identity provider is called, if there is one. */
  provider: string | null
  back: Back
}) {
  const query = useQuery(securityQuery)
  const security = query.data
  return (
    <>
      {query.isError ? (
        <ProblemPanel
          what="Your ways of signing in could not be loaded"
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      ) : null}
      {query.isPending ? (
        <Late>
          <Skeleton className="h-24" />
        </Late>
      ) : null}
      {security ? (
        <SettingsSection title="Two-step sign-in" hint="Something you know and something you have.">
          <TwoStep security={security} />
        </SettingsSection>
      ) : null}
      {security ? (
        <SettingsSection title="Passkeys" hint="Sign in without typing anything.">
          <Passkeys security={security} />
        </SettingsSection>
      ) : null}
      {security && (provider || security.identities.length > 0) ? (
        <SettingsSection title="Single sign-on" hint="Accounts elsewhere that sign you in here.">
          <Identities security={security} provider={provider} back={back} />
        </SettingsSection>
      ) : null}
      <SettingsSection title="Chat" hint="Handle alerts from where you talk.">
        <ChatLink />
      </SettingsSection>
      {security && !security.password ? null : (
        <SettingsSection title="Password" hint="Changing it signs out all other sessions.">
          {password}
        </SettingsSection>
      )}
    </>
  )
}
