/** First visit: creates the owner with the printed token, or signs in where that has happened. */
import { OWNER, STORAGE } from './account'
import { expect, expectAccessible, test } from './page-health'

test('the first visitor creates the owner, later ones sign in', async ({ page }) => {
  const token = process.env.CHATOPS_E2E_SETUP_TOKEN
  await page.goto('/')
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()

  if (page.url().includes('/setup')) {
    expect(token, 'CHATOPS_E2E_SETUP_TOKEN is needed for the first run').toBeTruthy()
    await expectAccessible(page)
    await page.getByRole('button', { name: 'Create owner' }).click()
    await expect(page.getByText('Paste the set-up token')).toBeVisible()
    await expect(page.getByLabel('Set-up token')).toBeFocused()

    // As the printed address carries it.
    await page.goto(`/setup#token=${token}`)
    await page.reload()
    await expect(page.getByLabel('Set-up token')).toHaveValue(token ?? '')
    expect(page.url()).not.toContain('token')
    await page.getByLabel('User name').fill(OWNER.username)
    await page.getByLabel('Password', { exact: true }).fill(OWNER.password)
    await page.keyboard.press('Enter')
  } else {
    await page.getByLabel('User name or e-mail').fill(OWNER.username)
    await page.getByLabel('Password', { exact: true }).fill(OWNER.password)
    await page.keyboard.press('Enter')
  }
  await expect(page.getByRole('heading', { name: 'Servers' })).toBeVisible()
  await expect(page.locator('[data-connection]')).toHaveText('Live')

  const storage = await page.context().storageState({ path: STORAGE })
  const local = storage.origins.flatMap((origin) => origin.localStorage.map((entry) => entry.value))
  // Sessions are HttpOnly cookies; nothing that opens a door lies in the page's storage.
  expect(local.join(' ')).not.toMatch(/eyJ|chatops_[a-z2-7]{16}_/)
  const cookies = storage.cookies.filter((cookie) => cookie.name.startsWith('chatops_'))
  expect(cookies.length).toBeGreaterThan(0)
  for (const cookie of cookies) expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' })
})
