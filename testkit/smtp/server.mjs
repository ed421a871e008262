// A mail server for tests: smtp-server, which appends each mail to a file before it says that it has it.
//
//   node server.mjs '{"line": "plain|starttls|implicit", "key": "…", "cert": "…", "user": "…", "password": "…", "mails": "<file>"}'
//
// Prints "PORT <number>" once it listens. A protected line has to sign in. The recipient `unknown` does not exist,
// `later` is greylisted.
import { appendFileSync } from 'node:fs'
import { SMTPServer } from 'smtp-server'

const settings = JSON.parse(process.argv[2])
const refusal = (code, text) => Object.assign(new Error(text), { responseCode: code })
const server = new SMTPServer({
  key: settings.key,
  cert: settings.cert,
  secure: settings.line === 'implicit',
  authOptional: settings.line === 'plain',
  disabledCommands: settings.line === 'plain' ? ['STARTTLS', 'AUTH'] : [],
  disableReverseLookup: true,
  onAuth(auth, _, done) {
    const known = auth.username === settings.user && auth.password === settings.password
    if (known) done(null, { user: auth.username })
    else done(refusal(535, 'wrong user or password'))
  },
  onRcptTo({ address }, _, done) {
    if (address.startsWith('unknown@')) done(refusal(550, 'no such mailbox'))
    else if (address.startsWith('later@')) done(refusal(451, 'greylisted, come again'))
    else done()
  },
  onData(stream, session, done) {
    const pieces = []
    stream.on('data', (piece) => pieces.push(piece))
    stream.on('end', () => {
      const mail = {
        from: session.envelope.mailFrom.address,
        to: session.envelope.rcptTo.map(({ address }) => address),
        user: session.user,
        encrypted: session.secure,
        text: Buffer.concat(pieces).toString('utf8'),
      }
      appendFileSync(settings.mails, `${JSON.stringify(mail)}\n`)
      done(null, 'it is in the box')
    })
  },
})
// Whoever breaks a line off has a reason; the test looks at it from the other side.
server.on('error', () => {})
server.listen(0, '127.0.0.1', () => console.log(`PORT ${server.server.address().port}`))
