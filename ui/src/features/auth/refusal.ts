/** Why the identity provider's way did not lead in: the code stands in the address it comes back to. */
const SENTENCES: Record<string, string> = {
  CO1004: 'This account is deactivated. Ask whoever runs this server.',
  CO1006: 'Accounts are made by an administrator here. Ask for one, or for a group with a role.',
  CO1012: 'That took too long, or began in another browser. Try again.',
  CO1020: 'The identity provider did not vouch for you. Try again, or sign in another way.',
  CO1021: 'The identity provider knows you, but none of your groups has a role here. Ask for one.',
  CO1023: 'That account is linked to somebody else here.',
  CO1205: 'Your name or address belongs to an account here. Sign in to it, then link this one.',
  CO1243: 'The invitation does not work any more. Ask whoever sent it for a new one.',
  CO1246: 'An invitation is needed here. Ask for one, or for a group with a role.',
  CO1247:
    'The invitation is for another address than the one the provider vouches for. Its link still works.',
  CO1022: 'The identity provider does not answer. Try again in a moment, or sign in another way.',
}

export function refusalOf(code: string | undefined): Error | null {
  if (!code) return null
  // The address is anybody's to write: only codes that we know become a sentence of ours.
  return new Error(
    SENTENCES[code] ?? 'The sign-in with the identity provider did not work. Try another way.',
  )
}
