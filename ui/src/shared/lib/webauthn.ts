/** Passkeys of this browser. Turns its refusals into sentences that say what to do. */

/** Old browsers, and pages that are neither https nor on this machine, have none. */
export const passkeysWork = (): boolean =>
  typeof PublicKeyCredential !== 'undefined' &&
  typeof PublicKeyCredential.parseCreationOptionsFromJSON === 'function'

/** The person closed the browser's dialog, or let it run out. */
export class Cancelled extends Error {}

function explain(error: unknown): Error {
  if (!(error instanceof DOMException))
    return error instanceof Error ? error : new Error(`${error}`)
  switch (error.name) {
    case 'NotAllowedError':
    case 'AbortError':
      return new Cancelled('Cancelled, or it took too long. Try again.')
    case 'InvalidStateError':
      return new Error('This device already has a passkey for your account.')
    case 'SecurityError':
      return new Error(
        'The browser allows no passkey at this address. Open ChatOps by its host name over https, not by an IP address.',
      )
    default:
      return new Error(`The browser refused: ${error.message}`)
  }
}

async function ask(request: () => Promise<Credential | null>): Promise<unknown> {
  try {
    const credential = await request()
    if (!(credential instanceof PublicKeyCredential)) throw new Cancelled('No passkey was chosen.')
    return credential.toJSON()
  } catch (error) {
    throw explain(error)
  }
}

/** The options of a ceremony as the API passes them on: bare, or as the argument of the browser's call. */
const bare = (options: object): unknown => ('publicKey' in options ? options.publicKey : options)

export const createPasskey = (options: object) =>
  ask(() =>
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(
        bare(options) as PublicKeyCredentialCreationOptionsJSON,
      ),
    }),
  )

export const answerWithPasskey = (options: object) =>
  ask(() =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(
        bare(options) as PublicKeyCredentialRequestOptionsJSON,
      ),
    }),
  )
