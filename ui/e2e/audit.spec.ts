/** The audit log: what was done is there, filters live in the address, one entry tells before and after. */
import { readFileSync } from 'node:fs'
import { expect, expectAccessible, expectNoSideways, test } from './page-health'

const WRITE = { 'X-ChatOps-CSRF': '1' }

test('a change is in the log with before and after, found by filters in the address, and exported', async ({
  page,
}) => {
  test.setTimeout(90_000)
  const mark = Date.now().toString(36)
  const made = await page.request.post('/api/v1/servers', {
    data: { name: `audited-${mark}`, tags: [] },
    headers: WRITE,
  })
  const { id } = await made.json()
  const changed = await page.request.patch(`/api/v1/servers/${id}`, {
    data: { name: `renamed-${mark}` },
    headers: WRITE,
  })
  expect(changed.ok()).toBe(true)

  await page.goto('/servers')
  // Keys count once the page is there.
  await expect(page.getByRole('heading', { name: 'Servers', exact: true })).toBeVisible()
  await page.keyboard.press('g')
  await page.keyboard.press('a')
  await expect(page).toHaveURL(/\/audit$/)
  const verification = page.getByRole('region', { name: 'Verification' })
  await expect(verification).toContainText(/\d entries/)
  await expect(verification.getByRole('status')).toHaveText(/Verified|Not verified yet/)
  const table = page.getByRole('table', { name: 'Audit entries' })
  await expect(table.getByRole('row').nth(1)).toBeVisible()
  await expectAccessible(page)

  await page.getByLabel('On', { exact: true }).fill(`server:${id}`)
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/target=server/)
  const change = table.getByRole('button', { name: /server\.(changed|updated|renamed)/ })
  // The appender follows the events; a reload asks again.
  await expect(async () => {
    await page.reload()
    await expect(change).toBeVisible({ timeout: 5_000 })
  }).toPass({ timeout: 45_000 })
  await expect(table.getByRole('row')).toHaveCount(3)

  await change.focus()
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: /^Entry \d+$/ })
  const row = dialog.getByRole('row').filter({ hasText: `renamed-${mark}` })
  await expect(row).toContainText(`audited-${mark}`)
  await expectAccessible(page)
  await expect(page).toHaveURL(/entry=\d+/)
  await page.reload()
  await expect(row).toContainText(`audited-${mark}`)
  await page.keyboard.press('Escape')
  await expect(dialog).toBeHidden()
  await expect(page).not.toHaveURL(/entry=/)

  const downloading = page.waitForEvent('download')
  await page.getByRole('link', { name: 'NDJSON' }).click()
  const lines = readFileSync(await (await downloading).path(), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines).toHaveLength(2)
  for (const line of lines) expect(line.target).toBe(`server:${id}`)

  await page.getByLabel('Who', { exact: true }).fill('nobody-at-all')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'No entry fits' })).toBeVisible()
  await page.getByRole('button', { name: 'Clear the filters' }).click()
  await expect(page).toHaveURL(/\/audit$/)
  await expect(table.getByRole('row').nth(3)).toBeVisible()
})

test('a wrong password is in the log as a failure, and the page fits 390 px', async ({
  page,
  playwright,
}) => {
  const stranger = await playwright.request.newContext({
    baseURL: test.info().project.use.baseURL,
    storageState: { cookies: [], origins: [] },
  })
  const refused = await stranger.post('/api/v1/auth/login', {
    data: { username: 'e2e-owner', password: 'not this one', session: 'token' },
  })
  expect(refused.status()).toBe(401)
  await stranger.dispose()
  await page.goto('/audit?result=failed')
  await expect(page.getByLabel('Result')).toHaveValue('failed')
  const entry = page
    .getByRole('table', { name: 'Audit entries' })
    .getByRole('row')
    .filter({ hasText: 'access.sign_in_failed' })
    .first()
  await expect(async () => {
    await page.reload()
    await expect(entry).toBeVisible({ timeout: 5_000 })
  }).toPass({ timeout: 45_000 })
  await expect(entry).toContainText('Failed')
  await page.setViewportSize({ width: 390, height: 844 })
  await expectNoSideways(page)
})

test('a log that cannot be loaded is not an empty one', async ({ page, health }) => {
  await page.route('**/api/v1/audit?*', (route) => route.abort())
  await page.goto('/audit')
  await expect(page.getByRole('alert')).toContainText('The entries could not be loaded')
  await expect(page.getByRole('heading', { name: 'No entries yet' })).toHaveCount(0)
  await expectAccessible(page)
  await page.unroute('**/api/v1/audit?*')
  await page.getByRole('button', { name: 'Retry' }).click()
  await expect(page.getByRole('table', { name: 'Audit entries' })).toBeVisible()
  health.problems = health.problems.filter((problem) => !problem.includes('ERR_FAILED'))
})
