/** Scripts and schedules: written, run as a job on this machine's own agent, paused, changed, removed. */
import { openOnlineServer } from './first-server'
import { expect, expectAccessible, expectNoSideways, test } from './page-health'
import { pickServer } from './pick-server'

test('a script is written, run with its parameters, changed and deleted', async ({ page }) => {
  const server = await openOnlineServer(page)
  const mark = Date.now().toString(36)
  const name = `greet ${mark}`
  await page
    .getByRole('navigation', { name: 'Main' })
    .getByRole('link', { name: 'Scripts' })
    .click()
  await page.getByRole('link', { name: 'New script' }).click()
  await page.getByRole('button', { name: 'Save script' }).click()
  await expect(page.getByText('Give it a name')).toBeVisible()
  await expect(page.getByLabel('Name')).toBeFocused()
  await page.getByLabel('Name').fill(name)
  await page.getByRole('textbox', { name: 'Script', exact: true }).fill('echo "hello $WHO ($HOW)"')
  await page.getByRole('button', { name: 'Add a parameter' }).click()
  const first = page.getByRole('group', { name: /^Parameter/ }).first()
  await first.getByLabel('Variable').fill('WHO')
  await first.getByRole('switch', { name: 'Must be filled in' }).check()
  await page.getByRole('button', { name: 'Add a parameter' }).click()
  const second = page.getByRole('group', { name: /^Parameter/ }).nth(1)
  await second.getByLabel('Variable').fill('HOW')
  await second.getByLabel('Kind').selectOption('choice')
  await second.getByLabel('Choices').fill('loudly\nsoftly')
  await second.getByLabel('Usually').fill('softly')
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Save script' }).click()
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()
  await expect(page).toHaveURL(/\/scripts\/[0-9a-f-]{36}$/)
  const script = page.url()
  await expect(page.getByText('It has not been run yet.')).toBeVisible()

  await test.step('run as a job', async () => {
    await page.getByRole('button', { name: 'Run', exact: true }).click()
    await expect(page).toHaveURL(/run=true/)
    const dialog = page.getByRole('dialog', { name: 'New job' })
    await dialog.getByLabel('Where').selectOption('ids')
    await pickServer(dialog, server)
    const run = dialog.getByRole('button', { name: 'Run on 1 server' })
    // Nothing runs without what must be filled in.
    await expect(run).toBeDisabled()
    // A value is a value: no shell reads it.
    await dialog.getByLabel('WHO').fill(`$(id) ${mark}`)
    await run.click()
    await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/)
    await expect(page.getByRole('region', { name: 'Outputs' })).toContainText(
      `hello $(id) ${mark} (softly)`,
    )
  })

  await test.step('its page shows the run and the versions', async () => {
    await page.goto(script)
    const runs = page.getByRole('table', { name: 'Runs' })
    await expect(runs.getByRole('row')).toHaveCount(2)
    await expect(runs).toContainText('version 1')
    await page.getByRole('link', { name: 'Edit' }).click()
    await page.getByLabel('Description').fill('says hello')
    await page.getByRole('button', { name: 'Save as a new version' }).click()
    await expect(page).toHaveURL(script)
    const versions = page.getByRole('region', { name: 'Versions' })
    await expect(versions.getByRole('listitem')).toHaveCount(2)
    await expect(versions.getByText('Version 2')).toBeVisible()
    await expectAccessible(page)
    await page.setViewportSize({ width: 390, height: 844 })
    await expectNoSideways(page)
    await page.setViewportSize({ width: 1440, height: 900 })
  })

  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await page
    .getByRole('dialog')
    .getByRole('button', { name: `Delete ${name}` })
    .click()
  await expect(page).toHaveURL(/\/scripts$/)
  await expect(page.getByRole('heading', { level: 1, name: 'Scripts' })).toBeVisible()
  await expect(page.getByRole('link', { name })).toHaveCount(0)
})

test('a schedule shows when it runs, runs, is paused with a way back, changed and deleted', async ({
  page,
}) => {
  const server = await openOnlineServer(page)
  const mark = Date.now().toString(36)
  const name = `tick ${mark}`
  await page
    .getByRole('navigation', { name: 'Main' })
    .getByRole('link', { name: 'Schedules' })
    .click()
  await page.getByRole('link', { name: 'New schedule' }).click()
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Time zone').fill('Europe/Berlin')
  await page.getByLabel('Often used').selectOption({ label: 'Every night at 2:30' })
  const ahead = page.getByRole('list', { name: 'Next runs' }).getByRole('listitem')
  await expect(ahead).toHaveCount(5)
  await expect(ahead.first()).toContainText(', 02:30')
  await page.getByLabel('When').fill('*/10 * * * * *')
  await page.getByLabel('Command').fill(`echo ${mark}`)
  await page.getByLabel('Where').selectOption('ids')
  await pickServer(page.getByRole('form', { name: 'Schedule' }), server)
  await expect(page.getByRole('region', { name: 'Servers that are meant' })).toContainText(
    '1 server',
  )
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Save schedule' }).click()
  await expect(page).toHaveURL(/\/schedules\/[0-9a-f-]{36}$/)
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()

  const runs = page.getByRole('table', { name: 'Runs' })
  await expect(runs.getByText('Completed').first()).toBeVisible({ timeout: 60_000 })
  await page.getByRole('button', { name: 'Pause' }).click()
  await expect(page.getByText('None while it is paused.')).toBeVisible()
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect(page.getByRole('list', { name: 'Next runs' })).toBeVisible()
  await page.getByRole('button', { name: 'Pause' }).click()
  await expect(page.getByText('None while it is paused.')).toBeVisible()

  await page.getByRole('link', { name: 'Edit' }).click()
  await expect(page.getByLabel('What')).toHaveValue('kept')
  await page.getByLabel('When').fill('0 6 * * 1')
  await page.getByLabel('Missed runs').selectOption('run_once')
  await page.getByRole('button', { name: 'Save changes' }).click()
  await expect(page.getByText('are made up for by one run')).toBeVisible()
  await expect(page.getByText(`echo ${mark}`)).toBeVisible()
  await runs.getByRole('link').first().click()
  await expect(page.getByRole('region', { name: 'Outputs' })).toContainText(mark)

  await page.goto('/schedules')
  const row = page.getByRole('row').filter({ hasText: name })
  await expect(row).toContainText('0 6 * * 1')
  await expectAccessible(page)
  await row.getByRole('link', { name }).click()
  await page.setViewportSize({ width: 390, height: 844 })
  await expectNoSideways(page)
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await page
    .getByRole('dialog')
    .getByRole('button', { name: `Delete ${name}` })
    .click()
  await expect(page).toHaveURL(/\/schedules$/)
  await expect(page.getByRole('heading', { level: 1, name: 'Schedules' })).toBeVisible()
  await expect(page.getByRole('link', { name })).toHaveCount(0)
})
