/** Signs in with a passkey of this browser. Loaded when the button is pressed. */
import { api, unwrap } from '@/shared/api/client'
import { answerWithPasskey } from '@/shared/lib/webauthn'

export async function signInWithPasskey(): Promise<void> {
  const { ticket, options } = await unwrap(api.POST('/api/v1/auth/passkeys/login/start'))
  const credential = await answerWithPasskey(options)
  await unwrap(
    api.POST('/api/v1/auth/passkeys/login/finish', {
      body: {
        ticket,
        credential: credential as unknown as Record<string, never>,
        session: 'cookie',
      },
    }),
  )
}
