import { expect, expectAccessible, test } from './page-health'

test('a new server gets a command, waits for its agent, and is deleted again', async ({ page }) => {
  const name = `e2e ${Date.now()}`
  await page.goto('/servers')
  await page.getByRole('link', { name: 'Add server' }).click()
  await page.getByRole('button', { name: 'Continue' }).click()
  await expect(page.getByText('Give it a name')).toBeVisible()
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Tags').fill('e2e, test')
  await page.keyboard.press('Enter')

  await expect(page.getByRole('heading', { name: `Connect ${name}` })).toBeVisible()
  const command = page.getByTestId('install-command')
  const code = /[a-z2-7]{4}(-[a-z2-7]{4}){3}/
  await expect(command).toHaveText(new RegExp(`install\\.sh.*--code ${code.source}`))
  await expect(page.getByText(/another (10:00|9:\d\d) min/)).toBeVisible()
  await expect(page.getByText('Waiting for the agent…')).toBeVisible()
  await expectAccessible(page)

  // Coming back within the tab shows the same code; it is nowhere in the storage.
  const shown = (await command.textContent()) ?? ''
  await page.getByRole('link', { name: 'Go to the server' }).click()
  await page.getByRole('link', { name: 'Show the install command' }).click()
  await expect(command).toHaveText(shown)
  const secret = code.exec(shown)?.[0] ?? 'no code'
  expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain(secret)
  await page.getByRole('button', { name: 'New code' }).click()
  await expect(command).not.toHaveText(shown)

  await page.getByRole('radio', { name: 'By hand' }).check()
  await page.getByRole('button', { name: 'Make a key' }).click()
  await expect(command).toHaveText(/chatops_[a-z2-7]{16}_[\w-]{43}/)
  await expectAccessible(page)

  await page.getByRole('link', { name: 'Go to the server' }).click()
  await page
    .getByRole('navigation', { name: 'Server' })
    .getByRole('link', { name: 'Settings' })
    .click()
  await expect(page.getByText('Active')).toBeVisible()
  await page.getByRole('button', { name: 'Revoke' }).click()
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /^Revoke key/ })
    .click()
  await expect(page.getByRole('cell', { name: 'Revoked' })).toBeVisible()

  await page.getByRole('button', { name: `Delete ${name}` }).click()
  const dialog = page.getByRole('dialog')
  const confirm = dialog.getByRole('button', { name: `Delete ${name}` })
  await expect(confirm).toBeDisabled()
  await dialog.getByRole('textbox').fill(name)
  await confirm.click()
  await expect(page).toHaveURL(/\/servers$/)
  await expect(page.getByRole('link', { name })).toHaveCount(0)
})
