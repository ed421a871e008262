/** Sessions and API tokens of the person: the whole way of each, against the real server. */
import type { BrowserContext } from '@playwright/test'
import { OWNER } from './account'
import { expect, expectAccessible, test } from './page-health'

async function signInElsewhere(context: BrowserContext): Promise<void> {
  const answer = await context.request.post('/api/v1/auth/login', {
    data: { username: OWNER.username, password: OWNER.password, session: 'cookie' },
    headers: { 'X-ChatOps-CSRF': '1', 'User-Agent': 'curl/8.9.1' },
  })
  expect(answer.ok()).toBe(true)
}

test('a session elsewhere is listed, ended by keyboard, and really over', async ({
  page,
  browser,
}) => {
  const elsewhere = await browser.newContext({
    baseURL: test.info().project.use.baseURL,
    storageState: { cookies: [], origins: [] },
  })
  await signInElsewhere(elsewhere)
  expect((await elsewhere.request.get('/api/v1/auth/me')).status()).toBe(200)

  await page.goto('/settings/sessions')
  const table = page.getByRole('table', { name: 'Sessions' })
  await expect(table.getByText('This session')).toBeVisible()
  const row = table.getByRole('row').filter({ hasText: 'curl' }).first()
  await row.getByRole('button', { name: /^End the session/ }).focus()
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: 'End this session?' })
  await expect(dialog).toContainText('curl')
  await expectAccessible(page)
  await dialog.getByRole('button', { name: 'End session' }).click()
  await expect(page.getByText('Session ended')).toBeVisible()
  await expect.poll(async () => (await elsewhere.request.get('/api/v1/auth/me')).status()).toBe(401)
  await elsewhere.close()
  // This session goes on.
  await page.reload()
  await expect(table.getByText('This session')).toBeVisible()
})

test('a token is made, shown once, works within its scope, and is revoked', async ({
  page,
  playwright,
}) => {
  const name = `script ${Date.now()}`
  await page.goto('/settings/tokens')
  await page.getByRole('button', { name: 'New token' }).click()
  const dialog = page.getByRole('dialog', { name: 'New API token' })
  await expect(dialog.getByLabel('Name')).toBeFocused()
  await dialog.getByRole('button', { name: 'Create token' }).click()
  await expect(dialog.getByText('Give it a name')).toBeVisible()
  await expectAccessible(page)
  await page.keyboard.type(name)
  await dialog.getByLabel('Ends after').selectOption({ label: '7 days' })
  await page.keyboard.press('Tab')
  await dialog.getByRole('button', { name: 'Create token' }).click()

  const shown = page.getByRole('dialog', { name: 'Your new token' })
  const secret = (await shown.getByTestId('issued-token').textContent()) ?? ''
  expect(secret).toMatch(/^chatops_pat_/)
  await expectAccessible(page)
  await shown.getByRole('button', { name: 'I have saved it' }).click()
  const row = page.getByRole('row').filter({ hasText: name })
  await expect(row).toContainText('read')
  expect(await page.content()).not.toContain(secret)
  expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain('chatops_pat_')

  const program = await playwright.request.newContext({
    baseURL: test.info().project.use.baseURL,
    extraHTTPHeaders: { Authorization: `Bearer ${secret}` },
  })
  expect((await program.get('/api/v1/servers')).status()).toBe(200)
  // Reading is all that was given.
  const refused = await program.post('/api/v1/servers', { data: { name: 'by a reader', tags: [] } })
  expect(refused.status()).toBe(403)

  await row.getByRole('button', { name: `Revoke ${name}` }).click()
  await page
    .getByRole('dialog')
    .getByRole('button', { name: `Revoke ${name}` })
    .click()
  await expect(row).toHaveCount(0)
  await expect.poll(async () => (await program.get('/api/v1/servers')).status()).toBe(401)
  await program.dispose()
})

test('a load that fails says so and can be tried again', async ({ page, health }) => {
  await page.route('**/api/v1/auth/tokens', (route) => route.abort())
  await page.route('**/api/v1/auth/sessions', (route) => route.abort())
  await page.goto('/settings/tokens')
  await expect(page.getByRole('alert')).toContainText('Your tokens could not be loaded')
  await expectAccessible(page)
  await page.unroute('**/api/v1/auth/tokens')
  await page.getByRole('button', { name: 'Retry' }).click()
  await expect(page.getByRole('alert')).toBeHidden()
  await page.goto('/settings/sessions')
  await expect(page.getByRole('alert')).toContainText('Your sessions could not be loaded')
  health.problems = health.problems.filter((problem) => !problem.includes('ERR_FAILED'))
})
