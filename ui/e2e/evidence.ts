/**
 * What the browser types and is told goes into a file of this user alone, so that the last step of
 * `make test` can look for it in every log (testkit/src/evidence.rs). Nothing without that folder.
 */
import { appendFileSync, mkdirSync } from 'node:fs'
import type { BrowserContext } from '@playwright/test'

const place = process.env.CHATOPS_TEST_EVIDENCE
const FIELDS = new Set([
  'password',
  'current_password',
  'new_password',
  'access_token',
  'refresh_token',
  'token',
  'key',
  'secret',
  'code',
  'codes',
])
const SHORTEST = 12

function secretPart(text: string): string {
  const key = /^chatops_(?:pat_)?[^_]+_(.+)$/.exec(text)
  if (key?.[1]) return key[1]
  const parts = text.split('.')
  return parts.length === 3 ? (parts[2] ?? text) : text
}

function note(kind: string, text: string): void {
  const secret = secretPart(text)
  // Ids go by these names, too.
  if ((kind === 'key' || kind === 'token') && !text.startsWith('chatops_')) return
  if (secret.length < SHORTEST || /[\t\n]/.test(secret)) return
  mkdirSync(`${place}/secrets`, { recursive: true })
  const lines = new Set([secret, secret.replaceAll(' ', '%20'), secret.replaceAll(' ', '+')])
  const said = [...lines].map((line) => `${kind}\t${line}\n`).join('')
  appendFileSync(`${place}/secrets/browser-${process.pid}.tsv`, said, { mode: 0o600 })
}

function look(value: unknown, field: string): void {
  if (typeof value === 'string') {
    if (FIELDS.has(field)) note(field, value)
  } else if (Array.isArray(value)) {
    for (const inner of value) look(inner, field)
  } else if (value !== null && typeof value === 'object') {
    for (const [name, inner] of Object.entries(value)) look(inner, name)
  }
}

/** Follows what a context sends and gets. */
export function gather(context: BrowserContext): void {
  if (!place) return
  context.on('request', (request) => {
    try {
      look(request.postDataJSON(), '')
    } catch {
      // A body that is no JSON.
    }
  })
  context.on('response', async (response) => {
    const set = (await response.allHeaders().catch(() => null))?.['set-cookie'] ?? ''
    for (const [, value] of set.matchAll(/^chatops_[a-z]+=([^;]+)/gm)) {
      if (value) note('a cookie', value)
    }
    if (!/json/.test(response.headers()['content-type'] ?? '')) return
    look(await response.json().catch(() => null), '')
  })
}
