/** Two-step sign-in: turned on with an authenticator, used in both ways, turned off again. */
import { readFileSync } from 'node:fs'
import type { Page } from '@playwright/test'
import { OWNER } from './account'
import { expect, expectAccessible, expectNoSideways, test, withTheme } from './page-health'
import { codeOf } from './totp'

const openSecurity = async (page: Page) => {
  await page.goto('/settings/security')
  await expect(page.getByRole('heading', { name: 'Two-step sign-in' })).toBeVisible()
}

async function passwordStep(page: Page): Promise<void> {
  await page.goto('/login')
  await page.getByLabel('User name or e-mail').fill(OWNER.username)
  await page.getByLabel('Password', { exact: true }).fill(OWNER.password)
  await page.keyboard.press('Enter')
}

test('an authenticator is turned on, asked for at sign-in, replaced by a recovery code, and turned off', async ({
  page,
  browser,
  health,
}) => {
  test.setTimeout(120_000)
  await openSecurity(page)
  await page.getByRole('button', { name: 'Turn on' }).click()
  const password = page.getByRole('dialog', { name: 'Turn on two-step sign-in' })
  await expect(password.getByLabel('Your password')).toBeFocused()
  await password.getByLabel('Your password').fill('certainly not this one')
  await page.keyboard.press('Enter')
  await expect(password.getByText('This is not your password')).toBeVisible()
  await password.getByLabel('Your password').fill(OWNER.password)
  await page.keyboard.press('Enter')

  const scan = page.getByRole('dialog', { name: /^Scan this/ })
  await expect(scan.getByTestId('qr')).toBeVisible()
  const secret = (await scan.getByTestId('totp-secret').textContent()) ?? ''
  await expectAccessible(page)
  const code = scan.getByLabel('Code from the app')
  const wrong = codeOf(secret) === '000000' ? '111111' : '000000'
  await code.fill(wrong)
  await page.keyboard.press('Enter')
  await expect(scan.getByText('This code is not right')).toBeVisible()
  await code.fill(codeOf(secret))
  await page.keyboard.press('Enter')

  const shown = page.getByRole('dialog', { name: 'Two-step sign-in is on' })
  await expect(shown.getByRole('listitem').first()).toBeVisible()
  const codes = await shown.getByRole('listitem').allTextContents()
  expect(codes.length).toBeGreaterThanOrEqual(8)
  await expectAccessible(page)
  const downloading = page.waitForEvent('download')
  await shown.getByRole('button', { name: 'Download' }).click()
  const file = readFileSync(await (await downloading).path(), 'utf8')
  for (const one of codes) expect(file).toContain(one)
  await shown.getByRole('button', { name: 'I have saved them' }).click()
  await expect(page.getByText(`${codes.length} recovery codes left`)).toBeVisible()
  expect(await page.content()).not.toContain(codes[0])

  const elsewhere = await browser.newContext({
    baseURL: test.info().project.use.baseURL,
    storageState: { cookies: [], origins: [] },
  })
  try {
    const other = await elsewhere.newPage()
    await passwordStep(other)
    const field = other.getByLabel('Code from your authenticator app')
    await expect(field).toBeFocused()
    await expect(field).toHaveAttribute('autocomplete', 'one-time-code')
    await expectAccessible(other)
    await field.fill(wrong)
    await expect(other.getByText('This code is not right')).toBeVisible()
    await expect(field).toHaveValue('')
    // The code that turned it on is used up; the app's next one is not.
    await field.fill(codeOf(secret, 1))
    await expect(other.getByRole('heading', { name: 'Servers' })).toBeVisible()

    await elsewhere.clearCookies()
    await passwordStep(other)
    await other.getByRole('button', { name: 'Use a recovery code' }).click()
    await expect(other.getByLabel('Recovery code')).toBeFocused()
    await other.getByLabel('Recovery code').fill(codes[0] ?? '')
    await other.keyboard.press('Enter')
    await expect(other.getByRole('heading', { name: 'Servers' })).toBeVisible()

    await elsewhere.clearCookies()
    await passwordStep(other)
    await other.getByRole('button', { name: 'Use a recovery code' }).click()
    await other.getByLabel('Recovery code').fill(codes[0] ?? '')
    await other.keyboard.press('Enter')
    await expect(other.getByText('it was used')).toBeVisible()
    await other.getByRole('button', { name: 'Back' }).click()
    await expect(other.getByLabel('Password', { exact: true })).toHaveValue('')
  } finally {
    await elsewhere.close()
  }

  await page.reload()
  await expect(page.getByText(`${codes.length - 1} recovery codes left`)).toBeVisible()
  await page.getByRole('button', { name: 'Turn off' }).click()
  const off = page.getByRole('dialog', { name: 'Turn off two-step sign-in?' })
  await off.getByLabel('Your password').fill(OWNER.password)
  await off.getByRole('button', { name: 'Turn off' }).click()
  await expect(page.getByText('Two-step sign-in is off')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Turn on' })).toBeVisible()
  // The browser notes the refusals that this test asked for.
  health.problems = health.problems.filter((problem) => !/40[13]/.test(problem))
})

test('the security page is accessible in both themes and fits 390 px', async ({ page }) => {
  for (const theme of ['light', 'dark'] as const) {
    await openSecurity(page)
    await withTheme(page, theme)
    await expectAccessible(page)
  }
  await page.setViewportSize({ width: 390, height: 844 })
  await expectNoSideways(page)
})
