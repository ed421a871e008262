// An OpenID provider for tests: oidc-provider with its own pages for signing in and consenting.
//
//   node provider.mjs '{"client_secret": "…", "redirect_uris": ["…"], "accounts": "<file>", "host": "localhost"}'
//
// "host" is the name it goes by, 127.0.0.1 when absent: to a browser another name is another site.
// The file holds the claims of each person: {"ada": {"name": "Ada", "groups": ["ops"]}}. It is read again each time, so
// that a test can move somebody to another group. Prints "ISSUER <address>" once it listens. Any password is right:
// signing in is a form post away, as in a browser.
import { createServer } from 'node:http'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import Provider from 'oidc-provider'

const settings = JSON.parse(process.argv[2])
const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://${settings.host ?? '127.0.0.1'}:${server.address().port}`
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'test' }
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'chatops',
        client_secret: settings.client_secret,
        redirect_uris: settings.redirect_uris,
        response_types: ['code'],
        grant_types: ['authorization_code'],
      },
    ],
    jwks: { keys: [key] },
    cookies: { keys: ['only for tests'] },
    scopes: ['openid', 'profile', 'email', 'groups'],
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
    },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => {
        const known = JSON.parse(readFileSync(settings.accounts, 'utf8'))
        return { sub: id, preferred_username: id, ...known[id] }
      },
    }),
  })
  const answer = provider.callback()
  server.on('request', (request, response) => {
    // Browsers ask for it unasked, and note in the console when it is missing.
    if (request.url === '/favicon.ico') response.writeHead(204).end()
    else answer(request, response)
  })
  console.log(`ISSUER ${issuer}`)
})
