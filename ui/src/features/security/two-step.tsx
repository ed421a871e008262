import { useQueryClient } from '@tanstack/react-query'
import { ShieldCheck, ShieldOff } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { accept, api, unwrap } from '@/shared/api/client'
import type { Security } from '@/shared/api/model'
import { plural } from '@/shared/lib/format'
import { Badge } from '@/shared/ui/badge'
import { Button } from '@/shared/ui/button'
import { Dialog } from '@/shared/ui/dialog'
import { Ago } from '@/shared/ui/time'
import { toast } from '@/shared/ui/toast'
import { PasswordStep } from './password-step'
import { RecoveryCodes } from './recovery-codes'
import { securityQuery } from './ways-query'

const TurnOnTotp = lazy(() => import('./turn-on-totp'))

/** Fewer than this many recovery codes left is worth a word. */
const FEW = 3

/** Codes of an authenticator app: on or off, and the recovery codes. */
export function TwoStep({ security }: { security: Security }) {
  const client = useQueryClient()
  const [doing, setDoing] = useState<'on' | 'off' | 'renew' | null>(null)
  const [codes, setCodes] = useState<readonly string[] | null>(null)
  const refresh = () => client.invalidateQueries({ queryKey: securityQuery.queryKey })
  const done = () => setDoing(null)

  return (
    <div className="rounded-lg border border-line bg-surface p-4">
      {security.totp_since ? (
        <div className="flex flex-wrap items-start justify-between gap-3">
          <div className="flex min-w-0 gap-3">
            <ShieldCheck className="mt-0.5 size-5 shrink-0 text-ok" aria-hidden="true" />
            <div>
              <p className="flex items-center gap-2 font-medium">
                Authenticator app <Badge tone="ok">On</Badge>
              </p>
              <p className="text-ink-2">
                Since <Ago at={security.totp_since} />.{' '}
                <span
                  className={
                    security.recovery_codes_left < FEW ? 'font-medium text-warn' : undefined
                  }
                >
                  {plural(security.recovery_codes_left, 'recovery code')} left.
                </span>
              </p>
            </div>
          </div>
          <div className="flex flex-wrap gap-2">
            <Button onClick={() => setDoing('renew')}>New recovery codes</Button>
            <Button variant="dangerQuiet" onClick={() => setDoing('off')}>
              Turn off
            </Button>
          </div>
        </div>
      ) : (
        <div className="flex flex-wrap items-center justify-between gap-3">
          <div className="flex min-w-0 flex-1 basis-64 gap-3">
            <ShieldOff className="mt-0.5 size-5 shrink-0 text-ink-3" aria-hidden="true" />
            <div>
              <p className="flex items-center gap-2 font-medium">
                Authenticator app <Badge>Off</Badge>
              </p>
              <p className="text-ink-2">
                {security.second_factor_possible
                  ? 'With a code from your phone, a stolen password alone opens nothing.'
                  : 'This server cannot keep second factors yet. Its operator has to set a secret key first.'}
              </p>
            </div>
          </div>
          {security.second_factor_possible && security.password ? (
            <Button variant="primary" onClick={() => setDoing('on')}>
              Turn on
            </Button>
          ) : null}
        </div>
      )}
      {doing === 'on' ? (
        <Suspense>
          <TurnOnTotp
            onClose={(changed) => {
              done()
              if (changed) void refresh()
            }}
          />
        </Suspense>
      ) : null}
      {doing === 'off' ? (
        <PasswordStep
          title="Turn off two-step sign-in?"
          effects="Your password alone will then sign you in, and your recovery codes stop working."
          action="Turn off"
          danger
          onCancel={done}
          onPassword={async (password) => {
            await accept(api.DELETE('/api/v1/auth/totp', { body: { password } }))
            await refresh()
            done()
            toast({ tone: 'ok', title: 'Two-step sign-in is off' })
          }}
        />
      ) : null}
      {doing === 'renew' ? (
        <PasswordStep
          title="Make new recovery codes?"
          effects="The codes you have stop working at once."
          action="Make new codes"
          onCancel={done}
          onPassword={async (password) => {
            const answer = await unwrap(
              api.POST('/api/v1/auth/totp/recovery-codes', { body: { password } }),
            )
            done()
            setCodes(answer.recovery_codes)
            void refresh()
          }}
        />
      ) : null}
      {codes ? (
        <Dialog
          open
          onOpenChange={() => undefined}
          dismissable={false}
          title="Your new recovery codes"
          footer={
            <Button variant="primary" onClick={() => setCodes(null)}>
              I have saved them
            </Button>
          }
        >
          <RecoveryCodes codes={codes} />
        </Dialog>
      ) : null}
    </div>
  )
}
