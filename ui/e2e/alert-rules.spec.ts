/** What people say about alerting: rules by line and by fields, the starter set, silences; each with its way back. */
import { openOnlineServer } from './first-server'
import { expect, expectAccessible, expectNoSideways, test } from './page-health'

test('a rule is written, switched off, changed, deleted and brought back', async ({
  page,
  health,
}) => {
  const server = await openOnlineServer(page)
  const rule = `nobody lives here ${Date.now().toString(36)}`
  await page.goto('/alerts')
  await page
    .getByRole('navigation', { name: 'Alerts' })
    .getByRole('link', { name: 'Rules' })
    .click()
  await expect(page).toHaveURL(/\/alerts\/rules$/)
  await page.getByRole('link', { name: /^(New rule|Write one)$/ }).click()
  const line = page.getByRole('textbox', { name: 'Alert when' })
  await page.getByRole('button', { name: 'Save rule' }).click()
  await expect(page.getByText('Give it a name')).toBeVisible()
  await page.getByLabel('Name', { exact: true }).fill(rule)

  await test.step('the line and the fields say the same', async () => {
    await line.fill('processes < few')
    await expect(page.locator('[data-wrong-at="12"]')).toBeVisible()
    await expectAccessible(page)
    await line.fill('processes < 1 for 5m')
    await expect(page.locator('[data-wrong-at]')).toHaveCount(0)
    await expect(page.getByLabel('Limit')).toHaveValue('1')
    await page.getByLabel('Over at').fill('2')
    await expect(line).toHaveValue('processes < 1 clear 2 for 5m')
    await line.fill('processes < 1 and load1 > 1k')
    await expect(page.getByText('This is more than one comparison')).toBeVisible()
    await line.fill('processes < 1 clear 2 for 5m')
    // The browser calls an answer that says what is wrong a failure.
    health.problems = health.problems.filter((problem) => !problem.includes('status of 422'))
  })

  await page.getByLabel('Servers', { exact: true }).selectOption('servers')
  await page.getByLabel('Add a server').fill('no server is called this')
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(page.getByText('There is no server with this name')).toBeVisible()
  await page.getByLabel('Add a server').fill(server)
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(page.getByRole('list', { name: 'Chosen' })).toContainText(server)
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Save rule' }).click()
  const row = page.getByRole('row').filter({ hasText: rule })
  await expect(row).toContainText('processes < 1 clear 2 for 5m')
  await expectAccessible(page)

  const toggle = page.getByRole('switch', { name: `${rule} is on` })
  await toggle.click()
  await expect(toggle).not.toBeChecked()
  await row.getByRole('button', { name: `Delete ${rule}` }).click()
  await expect(row).toHaveCount(0)
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect(row).toBeVisible()
  await row.getByRole('link', { name: rule }).click()
  await expect(page.getByRole('heading', { level: 1, name: rule })).toBeVisible()
  const versions = page.getByRole('region', { name: 'Versions' })
  await expect(versions).toContainText('Version 2')
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 800 })
    await expectNoSideways(page)
  }
  await page.setViewportSize({ width: 1440, height: 900 })
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Alerts' })).toBeVisible()
  await expect(row).toHaveCount(0)
})

test('somebody new begins with the starter set', async ({ page }) => {
  await page.goto('/alerts/rules?starter=yes')
  const dialog = page.getByRole('dialog', { name: 'Starter set' })
  const restarted = dialog.getByRole('checkbox', { name: /^Host restarted/ })
  await expect(restarted).toBeVisible()
  await expectAccessible(page)
  // Only one of them: others would tell of this machine.
  for (const box of await dialog.getByRole('checkbox').all()) {
    if (await box.isEnabled()) await box.uncheck()
  }
  await restarted.check()
  await dialog.getByRole('button', { name: 'Switch 1 rule on' }).click()
  const row = page.getByRole('row').filter({ hasText: 'Host restarted' })
  await expect(row).toBeVisible()
  await row.getByRole('button', { name: /^Delete/ }).click()
  await expect(row).toHaveCount(0)
})

test('a silence says what it is about, is ended, and made again', async ({ page }) => {
  const server = await openOnlineServer(page)
  const why = `new disks ${Date.now().toString(36)}`
  await page.goto('/alerts/silences?new=yes')
  const dialog = page.getByRole('dialog', { name: 'New silence' })
  await dialog.getByRole('button', { name: 'Make the silence' }).click()
  await expect(dialog.getByText('Say why nobody is to be told')).toBeVisible()
  await expect(dialog.getByText('Say on which servers')).toBeVisible()
  await dialog.getByLabel('Why').fill(why)
  await dialog.getByLabel('Add a server').fill(server)
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(dialog.getByText(/^About 1 server/)).toBeVisible()
  await dialog.getByRole('radio', { name: 'Again and again' }).check()
  await dialog.getByLabel('Time zone').fill('Europe/Berlin')
  await dialog.getByLabel('Begins').fill('30 2 * * *')
  await expect(dialog.getByRole('list', { name: 'Next runs' })).toContainText(', 02:30')
  await expectAccessible(page)
  await dialog.getByRole('radio', { name: 'Once' }).check()
  await dialog.getByLabel('For how long').selectOption('2h')
  await dialog.getByRole('button', { name: 'Make the silence' }).click()

  const on = page.getByRole('row').filter({ hasText: why }).filter({ hasText: 'On now' })
  await expect(on).toHaveCount(1)
  await expectAccessible(page)
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 800 })
    await expectNoSideways(page)
  }
  await page.setViewportSize({ width: 1440, height: 900 })
  await on.getByRole('button', { name: /^End now/ }).click()
  await expect(on).toHaveCount(0)
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect(on).toHaveCount(1)
  await on.getByRole('button', { name: /^End now/ }).click()
  await expect(on).toHaveCount(0)
})
