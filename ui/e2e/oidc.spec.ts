/**
 * Single sign-on against somebody else's OpenID provider, a process beside the server that to a
 * browser is another site: signing in, being refused, linking an account and unlinking it.
 */
import { writeFileSync } from 'node:fs'
import type { Browser, BrowserContext, Page } from '@playwright/test'
import { OWNER } from './account'
import { expect, expectAccessible, expectNoSideways, test } from './page-health'

const BUTTON = 'Company account'
const NOBODY = { cookies: [], origins: [] }

/** Who there is at the provider. The file is read again at every sign-in. */
function people(groups: Record<string, string[]>): void {
  const file = process.env.CHATOPS_E2E_ACCOUNTS
  expect(file, 'CHATOPS_E2E_ACCOUNTS names the accounts of the provider').toBeTruthy()
  const accounts = Object.entries(groups).map(([name, groups]) => [
    name,
    { name: `${name} of the company`, groups, email: `${name}@example.org`, email_verified: true },
  ])
  writeFileSync(file ?? '', JSON.stringify(Object.fromEntries(accounts)))
}

/** Fills in the provider's own pages: who it is, and that this is agreed to. */
async function signInThere(page: Page, name: string): Promise<void> {
  await page.getByPlaceholder('Enter any login').fill(name)
  await page.getByPlaceholder('and password').fill('any password is right there')
  await page.getByRole('button', { name: 'Sign-in' }).click()
  await page.getByRole('button', { name: 'Continue' }).click()
}

/** A browser of its own: the provider remembers who signed in there. */
async function elsewhere(
  browser: Browser,
  name: string,
  after: (page: Page) => Promise<void>,
): Promise<void> {
  const context: BrowserContext = await browser.newContext({ storageState: NOBODY })
  try {
    const page = await context.newPage()
    await page.goto('/login?next=/settings')
    await page.getByRole('link', { name: BUTTON }).click()
    await signInThere(page, name)
    await after(page)
  } finally {
    await context.close()
  }
}

/** The provider's pages ask for a font of somebody else's; that is no problem of ours. */
test.afterEach(({ health }) => {
  health.problems = health.problems.filter((problem) => !problem.includes('net::ERR_'))
})

test.describe('without an account here', () => {
  test.use({ storageState: NOBODY })

  test('the first sign-in makes an account with the role of its groups and goes on to the page that was asked for', async ({
    page,
    browser,
  }) => {
    people({ linus: ['ops'], visitor: [] })
    await page.goto('/settings')
    await expect(page).toHaveURL(/\/login\?next=/)
    await page.getByRole('link', { name: BUTTON }).click()
    await expect(page).toHaveURL(/^http:\/\/localhost:/)
    await signInThere(page, 'linus')
    await expect(page.getByRole('heading', { name: 'Settings', exact: true })).toBeVisible()
    const me = await (await page.request.get('/api/v1/auth/me')).json()
    expect(me).toMatchObject({ username: 'linus', role: 'operator', email: 'linus@example.org' })

    // The only way in cannot be taken away, and there is no password to change.
    await page.goto('/settings/security')
    const linked = page.getByRole('table', { name: 'Linked accounts' })
    await expect(linked.getByRole('row')).toHaveCount(2)
    await expect(page.getByRole('heading', { name: 'Password' })).toHaveCount(0)
    await expectAccessible(page)
    await page.setViewportSize({ width: 390, height: 844 })
    await expectNoSideways(page)

    // Whoever has no group with a role here is told so, and stays outside.
    await elsewhere(browser, 'visitor', async (stranger) => {
      await expect(stranger.getByRole('alert')).toContainText('none of your groups has a role here')
      expect((await stranger.request.get('/api/v1/auth/me')).status()).toBe(401)
    })
  })
})

test('an invitation is accepted with the account elsewhere, without a name or a password of its own', async ({
  page,
  browser,
}) => {
  people({ margaret: [] })
  const invited = await page.request.post('/api/v1/invitations', {
    data: { role: 'viewer', email: 'margaret@example.org' },
    headers: { 'X-ChatOps-CSRF': '1' },
  })
  const { url } = await invited.json()
  const context = await browser.newContext({ storageState: NOBODY })
  try {
    const theirs = await context.newPage()
    await theirs.goto(url)
    await expect(theirs.getByRole('heading', { name: 'You are invited' })).toBeVisible()
    await expectAccessible(theirs)
    await theirs.getByRole('button', { name: `Continue with ${BUTTON}` }).click()
    await signInThere(theirs, 'margaret')
    await expect(theirs.getByRole('heading', { name: 'Servers', exact: true })).toBeVisible()
    const me = await (await theirs.request.get('/api/v1/auth/me')).json()
    expect(me).toMatchObject({ username: 'margaret', role: 'viewer' })
  } finally {
    await context.close()
  }
})

test('an account is linked with the password, signs in as its person, and no longer once it is unlinked', async ({
  page,
  browser,
  health,
}) => {
  test.setTimeout(120_000)
  people({ boss: [] })
  await page.goto('/settings/security')
  await page.getByRole('button', { name: `Link ${BUTTON}` }).click()
  const dialog = page.getByRole('dialog', { name: `Link ${BUTTON}` })
  await dialog.getByLabel('Your password').fill('certainly not this one')
  await page.keyboard.press('Enter')
  await expect(dialog.getByText('This is not your password')).toBeVisible()
  await dialog.getByLabel('Your password').fill(OWNER.password)
  await page.keyboard.press('Enter')
  await signInThere(page, 'boss')
  await expect(page.getByText('Account linked')).toBeVisible()
  await expect(page).toHaveURL(/\/settings\/security$/)
  const linked = page.getByRole('table', { name: 'Linked accounts' })
  await expect(linked.getByRole('row')).toHaveCount(2)

  await elsewhere(browser, 'boss', async (other) => {
    await expect(other.getByRole('heading', { name: 'Settings', exact: true })).toBeVisible()
    const me = await (await other.request.get('/api/v1/auth/me')).json()
    expect(me).toMatchObject({ username: OWNER.username, role: 'owner' })
  })

  await linked.getByRole('button', { name: /^Unlink / }).click()
  await page
    .getByRole('dialog', { name: 'Unlink this account?' })
    .getByRole('button', { name: 'Unlink' })
    .click()
  await expect(page.getByText('No account elsewhere signs you in here')).toBeVisible()
  await elsewhere(browser, 'boss', async (other) => {
    await expect(other.getByRole('alert')).toContainText('none of your groups has a role here')
  })
  // The browser itself notes the refusal that this test asked for.
  health.problems = health.problems.filter((problem) => !/40[13]|422/.test(problem))
})
