/** A second person with a browser of their own, and servers shared with them. */
import type { Browser, Page } from '@playwright/test'
import { expect } from './page-health'

const PASSWORD = 'seven slow boats on a green canal'
const WRITE = { 'X-ChatOps-CSRF': '1' }

/** Joins by an invitation of whoever is signed in on `page`, and may operate these servers. */
export async function secondPerson(
  page: Page,
  browser: Browser,
  username: string,
  servers: string[],
): Promise<Page> {
  const invited = await page.request.post('/api/v1/invitations', {
    data: { role: 'operator' },
    headers: WRITE,
  })
  const { url } = await invited.json()
  const context = await browser.newContext({ storageState: { cookies: [], origins: [] } })
  const theirs = await context.newPage()
  await theirs.goto(url)
  await theirs.getByLabel('User name').fill(username)
  await theirs.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await theirs.keyboard.press('Enter')
  await expect(theirs.getByRole('heading', { name: 'Servers', exact: true })).toBeVisible()
  for (const server_id of servers) {
    const shared = await page.request.post('/api/v1/grants', {
      data: { username, server_id, level: 'operate' },
      headers: WRITE,
    })
    expect(shared.ok()).toBe(true)
  }
  return theirs
}
