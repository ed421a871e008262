import { OWNER } from './account'
import { expect, expectAccessible, expectNoSideways, test, withTheme } from './page-health'

test.use({ storageState: { cookies: [], origins: [] } })

test('a wrong password keeps the name, says neither which nor why, and the right one goes on to the page that was asked for', async ({
  page,
  health,
}) => {
  await page.goto('/settings')
  await expect(page).toHaveURL(/\/login\?next=/)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(page.getByText('Enter your user name')).toBeVisible()
  await expect(page.getByLabel('User name or e-mail')).toBeFocused()

  await page.getByLabel('User name or e-mail').fill(OWNER.username)
  await page.getByLabel('Password', { exact: true }).fill('not the password')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('alert')).toHaveText('User name or password is wrong.')
  await expect(page.getByLabel('User name or e-mail')).toHaveValue(OWNER.username)
  await expect(page.getByLabel('Password', { exact: true })).toHaveValue('')
  await expect(page.getByLabel('Password', { exact: true })).toBeFocused()

  await page.getByLabel('Password', { exact: true }).fill(OWNER.password)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'Settings', exact: true })).toBeVisible()
  // The browser itself notes the refusal that this test asked for.
  health.problems = health.problems.filter((problem) => !problem.includes('401'))
})

test('the sign-in is accessible in both themes and at 390 px', async ({ page }) => {
  for (const theme of ['light', 'dark'] as const) {
    await page.goto('/login')
    await withTheme(page, theme)
    await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
    await expectAccessible(page)
  }
  await page.setViewportSize({ width: 390, height: 844 })
  await expectNoSideways(page)
})

test('the password can be shown, and the form is usable by keyboard alone', async ({ page }) => {
  await page.goto('/login')
  await expect(page.getByLabel('User name or e-mail')).toBeFocused()
  await page.keyboard.type('somebody')
  await page.keyboard.press('Tab')
  await page.keyboard.type('something')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('Password', { exact: true })).toHaveAttribute('type', 'text')
})

test('a refusal of the identity provider is said in our words, and only known codes are', async ({
  page,
}) => {
  await page.goto('/login?next=/settings&refused=CO1021')
  await expect(page.getByRole('alert')).toContainText('none of your groups has a role here')
  await expect(page.getByRole('link', { name: 'Company account' })).toHaveAttribute(
    'href',
    '/api/v1/auth/oidc/start?return_to=%2Fsettings',
  )
  await expectAccessible(page)
  await page.goto('/login?refused=<b>anything</b>')
  await expect(page.getByRole('alert')).toContainText('did not work')
})
