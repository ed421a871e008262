/** Passkeys with Chromium's virtual authenticator: added, used to sign in, removed. */
import { OWNER } from './account'
import { expect, expectAccessible, test } from './page-health'

// Browsers bind passkeys to a host name; an IP address has none.
const address = new URL(process.env.CHATOPS_E2E_URL ?? 'http://127.0.0.1:8080')
address.hostname = 'localhost'

test.use({ baseURL: address.origin, storageState: { cookies: [], origins: [] } })

test('a passkey is added, signs in without a password, and is removed', async ({
  page,
  context,
  health,
}) => {
  test.setTimeout(120_000)
  const cdp = await context.newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  await page.goto('/login')
  await page.getByLabel('User name or e-mail').fill(OWNER.username)
  await page.getByLabel('Password', { exact: true }).fill(OWNER.password)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'Servers' })).toBeVisible()

  const name = `e2e ${Date.now()}`
  await page.goto('/settings/security')
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  const dialog = page.getByRole('dialog', { name: 'Add a passkey' })
  await expect(dialog.getByLabel('Name')).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(dialog.getByText('Give it a name')).toBeVisible()
  await dialog.getByLabel('Name').fill(name)
  await dialog.getByLabel('Your password').fill('certainly not this one')
  await page.keyboard.press('Enter')
  await expect(dialog.getByText('This is not your password')).toBeVisible()
  await expectAccessible(page)
  await dialog.getByLabel('Your password').fill(OWNER.password)
  await page.keyboard.press('Enter')
  const row = page
    .getByRole('table', { name: 'Passkeys' })
    .getByRole('row')
    .filter({ hasText: name })
  await expect(row).toContainText('never')
  const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId })
  expect(credentials).toHaveLength(1)

  await context.clearCookies()
  await page.goto('/login?next=/settings/security')
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await expect(row).toBeVisible()
  await expect(row).not.toContainText('never')

  await row.getByRole('button', { name: `Remove ${name}` }).click()
  await page
    .getByRole('dialog')
    .getByRole('button', { name: `Remove ${name}` })
    .click()
  await expect(row).toHaveCount(0)

  // The device still has it, the server does not know it any more.
  await context.clearCookies()
  await page.goto('/login')
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await expect(page.getByRole('alert')).toBeVisible()
  await expectAccessible(page)
  health.problems = health.problems.filter((problem) => !/40[13]/.test(problem))
})
