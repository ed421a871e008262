import { OWNER, STORAGE } from './account'
import { expect, test } from './page-health'

test('the profile is saved, unsaved changes warn, and the theme follows the choice', async ({
  page,
}) => {
  await page.goto('/settings')
  const name = page.getByLabel('Name', { exact: true })
  await expect(name).toBeVisible()
  const before = await name.inputValue()
  await name.fill(`Owner ${Date.now()}`)
  await expect(page.getByText('Not saved yet')).toBeVisible()

  let asked = ''
  page.once('dialog', async (dialog) => {
    asked = dialog.message()
    await dialog.dismiss()
  })
  await page
    .getByRole('navigation', { name: 'Main' })
    .getByRole('link', { name: 'Servers' })
    .click()
  await expect.poll(() => asked).toContain('without saving')
  await expect(page).toHaveURL(/\/settings$/)

  await page.getByRole('button', { name: 'Save profile' }).click()
  await expect(page.getByText('Profile saved')).toBeVisible()
  await name.fill(before)
  await page
    .getByRole('button', { name: /Save profile|Discard/ })
    .first()
    .click()

  await page.getByRole('radio', { name: 'Dark' }).check()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await page.reload()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await page.getByRole('radio', { name: 'As the system' }).check()
})

test('a wrong current password is said at its field', async ({ page, health }) => {
  await page.goto('/settings/security')
  await page.getByLabel('Current password', { exact: true }).fill('certainly not this one')
  await page.getByLabel('New password', { exact: true }).fill('another quiet river of stones')
  await page.getByRole('button', { name: 'Change password' }).click()
  await expect(page.getByText('This is not your current password')).toBeVisible()
  await expect(page.getByLabel('Current password', { exact: true })).toBeFocused()
  health.problems = health.problems.filter((problem) => !/40[13]|422/.test(problem))
})

test('a session that ends under an open page asks to sign in there and keeps what was typed', async ({
  page,
  context,
  health,
}) => {
  await page.goto('/settings')
  const name = page.getByLabel('Name', { exact: true })
  await expect(name).toBeVisible()
  const before = await name.inputValue()
  await name.fill(`Owner ${Date.now()}`)
  const typed = await name.inputValue()
  await context.clearCookies()
  await page.getByRole('button', { name: 'Save profile' }).click()

  const dialog = page.getByRole('dialog', { name: 'Your session has ended' })
  await expect(dialog).toBeVisible()
  await expect(dialog.getByLabel('User name or e-mail')).not.toHaveValue('')
  await dialog.getByLabel('Password', { exact: true }).fill(OWNER.password)
  await page.keyboard.press('Enter')
  await expect(dialog).toBeHidden()
  await expect(name).toHaveValue(typed)
  await page.getByRole('button', { name: 'Save profile' }).click()
  await expect(page.getByText('Profile saved')).toBeVisible()
  await name.fill(before)
  await page.getByRole('button', { name: 'Save profile' }).click()
  await expect(page.getByText('Not saved yet')).toBeHidden()
  health.problems = health.problems.filter((problem) => !problem.includes('401'))
  // The other tests go on with this session.
  await context.storageState({ path: STORAGE })
})
