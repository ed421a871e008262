/** An alert of a real agent: its rule is tried, fires, its row comes by itself, it is acknowledged, explained and ended by hand. */
import type { Page } from '@playwright/test'
import { expect, expectAccessible, expectNoSideways, test } from './page-health'
import { agentIsThere, noAgent, startAgent } from './real-agent'

/** From a reading to a row: the evaluator looks for new rules now and then. */
const RAISED_MS = 60_000

async function openTab(page: Page, tab: 'Open' | 'History' | 'Rules' | 'Silences') {
  await page
    .getByRole('navigation', { name: 'Alerts' })
    .getByRole('link', { name: new RegExp(`^${tab}`) })
    .click()
}

test('a rule fires, and its alert is handled and explained', async ({ page, health }) => {
  test.skip(!agentIsThere, noAgent)
  test.setTimeout(240_000)
  const agent = await startAgent(page)
  try {
    const rule = `always true ${Date.now().toString(36)}`
    await page
      .getByRole('navigation', { name: 'Main' })
      .getByRole('link', { name: /^Alerts/ })
      .click()
    await openTab(page, 'Rules')

    await test.step('write and try it', async () => {
      await page.goto('/alerts/rules/new')
      const line = page.getByRole('textbox', { name: 'Alert when' })
      await page.getByRole('button', { name: 'Save rule' }).click()
      await expect(page.getByText('Give it a name')).toBeVisible()
      await page.getByLabel('Name', { exact: true }).fill(rule)
      // What is wrong is marked where it is.
      await line.fill('uptime_s >= lots')
      await expect(page.locator('[data-wrong-at="12"]')).toBeVisible()
      await line.fill('uptime_s >= 0')
      await expect(page.locator('[data-wrong-at]')).toHaveCount(0)
      // The browser calls an answer that says what is wrong a failure.
      health.problems = health.problems.filter((problem) => !problem.includes('status of 422'))
      // The fields say the same as the line, and change it.
      await expect(page.getByLabel('Limit')).toHaveValue('0')
      await page.getByLabel('Limit').fill('1')
      await expect(line).toHaveValue('uptime_s >= 1')
      await page.getByLabel('Servers', { exact: true }).selectOption('servers')
      await page.getByLabel('Add a server').fill(agent.name)
      await page.getByRole('button', { name: 'Add', exact: true }).click()
      await expect(page.getByRole('list', { name: 'Chosen' })).toContainText(agent.name)
      const trial = page.getByRole('region', { name: 'What it would have done' })
      await expect(async () => {
        await page.getByRole('button', { name: 'Try the rule' }).click()
        await expect(trial).toContainText('It would have fired once', { timeout: 5_000 })
      }).toPass({ timeout: RAISED_MS })
      await expectAccessible(page)
      await page.getByRole('button', { name: 'Save rule' }).click()
      await expect(page.getByRole('row').filter({ hasText: rule })).toBeVisible()
    })

    const row = page.getByRole('row').filter({ hasText: rule })
    await test.step('it fires, and its row comes by itself', async () => {
      await openTab(page, 'Open')
      // The socket tells it: nobody asks again and again how many there are.
      let asked = 0
      page.on('request', (request) => {
        if (/\/api\/v1\/alerts\?.*limit=1$/.test(request.url())) asked += 1
      })
      await expect(row).toContainText(agent.name, { timeout: RAISED_MS })
      expect(asked).toBeLessThan(3)
      // What was measured when it was raised.
      await expect(row.getByTitle('What was measured when it was raised')).toContainText(/\d/)
      await expect(row).toContainText('Nobody yet')
      await expect(page).toHaveTitle(/^\(\d+\) Alerts/)
      await expectAccessible(page)
    })

    await test.step('the list of servers marks it', async () => {
      await page.goto('/servers')
      await page.getByRole('button', { name: /Alerting$/ }).click()
      await expect(page.getByLabel('Filter servers')).toHaveValue('alerts>0')
      const server = page.getByRole('row').filter({ hasText: agent.name })
      await expect(server.getByTitle('Open alerts: 1 warning')).toBeVisible()
      await server.getByRole('link', { name: agent.name }).click()
      const strip = page.getByRole('region', { name: 'Open alerts' })
      await expect(strip.getByRole('link', { name: rule })).toBeVisible()
      await strip.getByRole('link', { name: '1 open alert' }).click()
      await expect(row).toBeVisible()
      await openTab(page, 'Open')
    })

    await test.step('acknowledge and undo', async () => {
      await row.getByRole('button', { name: /^Acknowledge/ }).click()
      await expect(row).toContainText('takes care of it')
      await page.getByRole('button', { name: 'Undo' }).click()
      await expect(row).toContainText('Nobody yet')
    })

    await test.step('why did this fire', async () => {
      await row.getByRole('link', { name: rule }).click()
      await expect(page.getByRole('heading', { level: 1, name: rule })).toBeVisible()
      await expect(page.getByRole('img', { name: /when it was raised, limit 1 s/ })).toBeVisible()
      await page.getByText(/^The \d+ readings?$/).click()
      await expect(page.getByRole('table', { name: 'Readings' })).toBeVisible()
      await expect(page.getByRole('link', { name: 'Version 1' })).toBeVisible()
      const life = page.getByRole('list', { name: 'The life of it' })
      await expect(life).toContainText('took that back')
      await expectAccessible(page)
      for (const width of [390, 320]) {
        await page.setViewportSize({ width, height: 800 })
        await expectNoSideways(page)
      }
      await page.setViewportSize({ width: 1440, height: 900 })
      await page.getByRole('button', { name: 'Resolve by hand' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel('Note').fill('only a test')
      await dialog.getByRole('button', { name: 'Resolve', exact: true }).click()
      await expect(life).toContainText('resolved it by hand')
      await expect(life).toContainText('only a test')
      await page.goto('/alerts?state=resolved')
      await expect(row.first()).toContainText('Over')
    })

    await test.step('the rule goes', async () => {
      await openTab(page, 'Rules')
      await row.getByRole('button', { name: `Delete ${rule}` }).click()
      await expect(row).toHaveCount(0)
    })
  } finally {
    agent.stop()
  }
})
