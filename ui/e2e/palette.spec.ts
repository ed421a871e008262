import { openOnlineServer } from './first-server'
import { expect, test } from './page-health'

test('the palette finds pages and servers and gives the focus back', async ({ page }) => {
  const name = await openOnlineServer(page)
  const search = page.getByRole('button', { name: /Search and jump/ })
  await search.focus()
  await page.keyboard.press('ControlOrMeta+k')
  const box = page.getByRole('combobox', { name: 'Search and jump' })
  await expect(box).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(search).toBeFocused()

  await page.keyboard.press('ControlOrMeta+k')
  await box.fill(name)
  await expect(page.getByRole('option', { name: new RegExp(name) }).first()).toBeVisible()
  await box.fill('settings password')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/\/settings\/security$/)
})

test('single-key shortcuts work, are listed, and can be switched off', async ({ page }) => {
  await page.goto('/settings')
  await expect(page.getByRole('heading', { name: 'Profile' })).toBeVisible()
  await page.keyboard.press('?')
  const dialog = page.getByRole('dialog', { name: 'Keyboard shortcuts' })
  await expect(dialog).toBeVisible()
  await dialog.getByRole('switch', { name: 'Single-key shortcuts' }).uncheck()
  await page.keyboard.press('Escape')
  await expect(dialog).toBeHidden()
  await page.keyboard.press('g')
  await page.keyboard.press('s')
  await expect(page).toHaveURL(/\/settings$/)
  await page.getByRole('switch', { name: 'Single-key shortcuts' }).check()
  await page.getByRole('heading', { name: 'Profile' }).click()
  await page.keyboard.press('g')
  await page.keyboard.press('s')
  await expect(page).toHaveURL(/\/servers$/)
})
