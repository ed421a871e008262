/** A program on this machine that takes webhooks, writes down what it got, and answers what the test wants. */
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Got {
  body: string
  message: { kind: string; rule: string; server: string; title: string; text: string }
  signature: string
}

export interface Receiver {
  url: string
  got: Got[]
  /** From now on. */
  answer: (status: number, body: string) => void
  stop: () => void
}

export async function startReceiver(): Promise<Receiver> {
  const got: Got[] = []
  let answer = { status: 200, body: 'thank you' }
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const body = Buffer.concat(pieces).toString()
      const signature = String(request.headers['x-chatops-signature'] ?? '')
      got.push({ body, signature, message: JSON.parse(body) as Got['message'] })
      response.writeHead(answer.status, { 'content-type': 'text/plain' })
      response.end(answer.body)
    })
  })
  await new Promise<void>((ready) => {
    server.listen(0, '127.0.0.1', ready)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/hook`,
    got,
    answer: (status, body) => {
      answer = { status, body }
    },
    stop: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Whether a message is signed with this key, as docs/notifications.md says. */
export function isSigned(key: string, { body, signature }: Got): boolean {
  const [, at = '', given] = /^t=(\d+),v1=([0-9a-f]+)$/.exec(signature) ?? []
  return createHmac('sha256', key).update(`${at}.`).update(body).digest('hex') === given
}
