/** A channel is made, tried, told of a real alert, deleted and brought back; a real program takes its messages. */
import { expect, expectAccessible, expectNoSideways, test } from './page-health'
import { agentIsThere, noAgent, startAgent } from './real-agent'
import { isSigned, startReceiver } from './receiver'

/** From a reading to a message: the evaluator and the notifier look for what is new now and then. */
const TOLD_MS = 90_000
const KEY = 'the key that signs in the browser'

test('a channel is made, tried, and tells of a real alert', async ({ page, health }) => {
  test.skip(!agentIsThere, noAgent)
  test.setTimeout(300_000)
  const receiver = await startReceiver()
  const agent = await startAgent(page)
  const stamp = Date.now().toString(36)
  const [channel, rule] = [`our program ${stamp}`, `always true ${stamp}`]
  // The browser calls an answer that says what is wrong a failure.
  const forgive = () => {
    health.problems = health.problems.filter((problem) => !problem.includes('status of 422'))
  }
  try {
    await test.step('the first channel begins with its kind', async () => {
      await page.goto('/alerts')
      await page
        .getByRole('navigation', { name: 'Alerts' })
        .getByRole('link', { name: 'Channels' })
        .click()
      await expect(page).toHaveURL(/\/alerts\/channels$/)
      const begin = page.getByRole('link', { name: /^(New channel|Webhook)/ })
      await expect(begin).toBeVisible()
      await expectAccessible(page)
      await begin.click()
      await expect(page.getByRole('heading', { level: 1, name: 'New channel' })).toBeVisible()
    })

    await test.step('each kind asks for what it needs', async () => {
      const kind = page.getByLabel('Kind')
      await kind.selectOption('email')
      await page.getByRole('button', { name: 'Save channel' }).click()
      await expect(page.getByText('Give it a name')).toBeVisible()
      await expect(page.getByText('Say who gets it')).toBeVisible()
      await expectAccessible(page)
      for (const [name, label] of [
        ['slack', 'Address of the incoming webhook'],
        ['discord', 'Address of the webhook'],
        ['teams', 'Address of the workflow'],
        ['telegram', 'Token of the bot'],
        ['ntfy', 'Topic'],
      ] as const) {
        await kind.selectOption(name)
        await expect(page.getByLabel(label)).toBeVisible()
      }
      await kind.selectOption('webhook')
    })

    const test_ = page.getByRole('region', { name: 'Try it' })
    await test.step('it is saved, and its key is never shown again', async () => {
      await page.getByLabel('Name', { exact: true }).fill(channel)
      await page.getByLabel('Address', { exact: true }).fill('ftp://example.org')
      await page.getByLabel('Key that signs').fill(KEY)
      await page.getByRole('button', { name: 'Save channel' }).click()
      await expect(page.getByText(/does not begin with https:/i).first()).toBeVisible()
      forgive()
      await page.getByLabel('Address', { exact: true }).fill(receiver.url)
      await page.getByLabel('Servers', { exact: true }).selectOption('servers')
      await page.getByLabel('Add a server').fill(agent.name)
      await page.getByRole('button', { name: 'Add', exact: true }).click()
      await page.getByRole('radio', { name: 'Only at some hours' }).check()
      await page.getByLabel('Until', { exact: true }).fill('07:00')
      await page.getByRole('button', { name: 'Save channel' }).click()
      await expect(page.getByText('This is not after the beginning')).toBeVisible()
      await expectAccessible(page)
      await page.getByRole('radio', { name: 'Day and night' }).check()
      await page.getByRole('button', { name: 'Save channel' }).click()
      await expect(page.getByRole('heading', { level: 1, name: channel })).toBeVisible()
      await expect(page.getByText('Kept, encrypted.')).toBeVisible()
      await expect(page.getByLabel('Key that signs')).toHaveCount(0)
    })

    await test.step('a test shows the real answer, good and bad', async () => {
      receiver.answer(503, 'come back later')
      await page.getByRole('button', { name: 'Send a test' }).click()
      await expect(test_).toContainText('The test did not arrive')
      await expect(test_).toContainText('come back later')
      receiver.answer(200, 'thank you')
      await page.getByRole('button', { name: 'Send a test' }).click()
      await expect(test_).toContainText('The test arrived')
      await expect(test_).toContainText('thank you')
      const last = receiver.got.at(-1)
      expect(last?.message.kind).toBe('test')
      expect(last && isSigned(KEY, last)).toBe(true)
    })

    await test.step('own words are shown as they would be said', async () => {
      await page.getByText('Own words').click()
      const preview = page.getByRole('region', { name: 'Preview' })
      await page.getByLabel('Title').fill('Look at {{ server')
      await expect(preview.getByRole('status')).toBeVisible()
      forgive()
      await page.getByLabel('Title').fill('Look at {{ server }}: {{ rule }}')
      await expect(preview).toContainText(/Look at .+: Disk almost full/)
      await expectAccessible(page)
      await page.getByRole('button', { name: 'Save channel' }).click()
      await expect(page.getByText('Channel saved').first()).toBeVisible()
      // Nothing was asked again, and it is still signed.
      await page.getByRole('button', { name: 'Send a test' }).click()
      await expect(test_).toContainText('The test arrived')
      expect(receiver.got.at(-1) && isSigned(KEY, receiver.got.at(-1) as never)).toBe(true)
    })

    await test.step('leading elsewhere asks for the key anew', async () => {
      await page.getByLabel('Address', { exact: true }).fill('https://elsewhere.example.org')
      await expect(page.getByLabel('Key that signs')).toBeVisible()
      await page.getByRole('button', { name: 'Save channel' }).click()
      await expect(page.getByText('It leads elsewhere now: give this anew')).toBeVisible()
      await page.getByLabel('Address', { exact: true }).fill(receiver.url)
      await expect(page.getByText('Kept, encrypted.')).toBeVisible()
    })

    await test.step('a real alert is told and written down', async () => {
      await page.goto('/alerts/rules/new')
      await page.getByLabel('Name', { exact: true }).fill(rule)
      await page.getByRole('textbox', { name: 'Alert when' }).fill('uptime_s >= 1')
      await page.getByLabel('Servers', { exact: true }).selectOption('servers')
      await page.getByLabel('Add a server').fill(agent.name)
      await page.getByRole('button', { name: 'Add', exact: true }).click()
      await page.getByRole('button', { name: 'Save rule' }).click()
      await expect(page.getByRole('row').filter({ hasText: rule })).toBeVisible()
      const told = () => receiver.got.find(({ message }) => message.rule === rule)
      await expect.poll(told, { timeout: TOLD_MS }).toBeTruthy()
      expect(told()?.message).toMatchObject({ kind: 'raised', server: agent.name })
      expect(told()?.message.title).toBe(`Look at ${agent.name}: ${rule}`)

      await page.goto('/alerts/channels')
      const row = page.getByRole('row').filter({ hasText: channel })
      await expect(row).toContainText('Arrived', { timeout: TOLD_MS })
      await expectAccessible(page)
      await row.getByRole('link', { name: channel }).click()
      const log = page.getByRole('table', { name: 'What it told' })
      await expect(log).toContainText(rule)
      await expect(log).toContainText('thank you')
      await expectAccessible(page)
      for (const width of [390, 320]) {
        await page.setViewportSize({ width, height: 800 })
        await expectNoSideways(page)
        await page.goto('/alerts/channels')
        await expect(row).toBeVisible()
        await expectNoSideways(page)
        await row.getByRole('link', { name: channel }).click()
        await expect(log).toBeVisible()
      }
      await page.setViewportSize({ width: 1440, height: 900 })
    })

    await test.step('it is switched off, deleted, and comes back whole', async () => {
      await page.goto('/alerts/channels')
      const row = page.getByRole('row').filter({ hasText: channel })
      const toggle = page.getByRole('switch', { name: `${channel} is on` })
      await toggle.click()
      await expect(toggle).not.toBeChecked()
      await expect(toggle).toBeEnabled()
      await row.getByRole('button', { name: `Delete ${channel}` }).click()
      await expect(row).toHaveCount(0)
      await page.getByRole('button', { name: 'Undo' }).click()
      await expect(row).toBeVisible()
      await row.getByRole('button', { name: `Send a test through ${channel}` }).click()
      await expect(row).toContainText('The test arrived')
      expect(receiver.got.at(-1) && isSigned(KEY, receiver.got.at(-1) as never)).toBe(true)
      await row.getByRole('button', { name: `Delete ${channel}` }).click()
      await expect(row).toHaveCount(0)
    })

    await page.goto('/alerts/rules')
    await page.getByRole('button', { name: `Delete ${rule}` }).click()
    await expect(page.getByRole('row').filter({ hasText: rule })).toHaveCount(0)
  } finally {
    agent.stop()
    receiver.stop()
  }
})
