/** Jobs on real agents: what runs where, live; equal outputs; failures again; an end; a second person. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { expect, expectAccessible, expectNoSideways, test, withTheme } from './page-health'
import { pickServer } from './pick-server'
import { agentIsThere, noAgent, type RealAgent, startAgent } from './real-agent'
import { secondPerson } from './second-person'

const folder = mkdtempSync(join(tmpdir(), 'chatops-e2e-jobs-'))
const agents: RealAgent[] = []

test.describe.configure({ mode: 'serial' })
test.skip(!agentIsThere, noAgent)

test.afterAll(() => {
  for (const agent of agents) agent.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function newJob(page: Page, name: string, command: string): Promise<void> {
  await page.goto('/jobs')
  // An empty list offers it, too.
  await page.getByRole('button', { name: 'New job' }).first().click()
  const dialog = page.getByRole('dialog', { name: 'New job' })
  await dialog.getByLabel('Command', { exact: true }).fill(command)
  await dialog.getByLabel('Where').selectOption({ label: 'These servers' })
  for (const agent of agents) await pickServer(dialog, agent.name)
  const meant = dialog.getByRole('region', { name: 'Servers that are meant' })
  await expect(meant.getByRole('status')).toHaveText(`${agents.length} servers`)
  await dialog.getByLabel('Name', { exact: false }).last().fill(name)
  await expectAccessible(page)
  await dialog.getByRole('button', { name: `Run on ${agents.length} servers` }).click()
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()
}

const row = (page: Page, agent: RealAgent | undefined) =>
  page
    .getByRole('table', { name: 'Servers of the job' })
    .getByRole('row')
    .filter({ hasText: agent?.name ?? 'no such server' })

const state = (page: Page) => page.getByRole('main').getByRole('status').first()

test('a job runs on several servers, is seen live, and what failed is run again alone', async ({
  page,
}) => {
  test.setTimeout(240_000)
  for (let n = 0; n < 3; n += 1) agents.push(await startAgent(page))
  // The third does not allow commands.
  for (const agent of agents.slice(0, 2)) agent.type('grant', 'exec', '30m')
  const gate = join(folder, 'gate')
  const command = `until [ -e ${gate} ]; do sleep 0.1; done; echo the same everywhere`
  await newJob(page, `live ${Date.now()}`, command)
  await expect(row(page, agents[0])).toContainText('Running')
  await expect(row(page, agents[1])).toContainText('Running')
  await expect(state(page)).toContainText('Running')

  await test.step('the socket alone tells how it goes on', async () => {
    // A request that is blocked is an error in the console, which fails the test.
    await page.route(/\/api\/v1\/jobs\/[0-9a-f-]{36}$/, (route) => route.abort())
    writeFileSync(gate, '')
    await expect(row(page, agents[0])).toContainText('Done')
    await expect(row(page, agents[1])).toContainText('Done')
    await expect(state(page)).toContainText('Completed with failures')
    await page.unrouteAll({ behavior: 'wait' })
  })

  await test.step('equal outputs are one, and lead to their servers', async () => {
    const outputs = page.getByRole('region', { name: 'Outputs' })
    const same = outputs.getByRole('article').filter({ hasText: 'the same everywhere' })
    await expect(same).toHaveCount(1)
    await same.getByRole('button', { name: '2 servers' }).click()
    await expect(row(page, agents[0])).toBeVisible()
    await expect(row(page, agents[2])).toHaveCount(0)
    await page.getByRole('button', { name: 'Show all' }).click()
    await expect(row(page, agents[2])).toBeVisible()
    await expectAccessible(page)
  })

  await test.step('only what failed runs again', async () => {
    agents[2]?.type('grant', 'exec', '30m')
    await page.getByRole('button', { name: 'Retry failed only' }).click()
    await expect(row(page, agents[2])).toContainText('Done')
    await expect(row(page, agents[0])).toHaveCount(0)
    await expect(state(page)).toContainText('Completed')
    await expect(page.getByRole('region', { name: 'Outputs' })).toContainText('All said the same')
  })

  await test.step('a row leads to its command', async () => {
    await row(page, agents[2]).getByRole('link', { name: 'Command' }).click()
    await expect(page.getByRole('log', { name: 'Output' })).toContainText('the same everywhere')
  })
})

test('servers are picked by keyboard, by name and by what they have in common', async ({
  page,
}) => {
  await page.goto('/jobs')
  await page.getByRole('button', { name: 'New job' }).first().click()
  const dialog = page.getByRole('dialog', { name: 'New job' })
  await dialog.getByLabel('Where').selectOption({ label: 'These servers' })
  const box = dialog.getByRole('combobox', { name: 'Servers' })
  const list = dialog.getByRole('listbox', { name: 'Servers to choose from' })
  const chips = dialog.getByRole('list', { name: 'Chosen servers' }).getByRole('listitem')
  await box.focus()
  await page.keyboard.type(`name:"${agents[1]?.name}"`)
  await expect(list.getByRole('option')).toHaveCount(1)
  await expect(dialog.getByRole('status').first()).toHaveText(/^1 of \d+ servers match$/)
  await page.keyboard.press('Enter')
  await expect(chips).toHaveText([agents[1]?.name ?? ''])
  await expectAccessible(page)
  await page.keyboard.press('Escape')
  await expect(list).toBeHidden()
  await expect(dialog).toBeVisible()
  await box.fill(`name:${agents.map((agent) => `"${agent.name}"`).join(',')}`)
  await dialog.getByRole('button', { name: 'Add all 2 that match' }).click()
  await expect(chips).toHaveCount(3)
  const meant = dialog.getByRole('region', { name: 'Servers that are meant' })
  await expect(meant.getByRole('status')).toHaveText('3 servers')
  await box.fill('')
  await page.keyboard.press('Backspace')
  await expect(chips).toHaveCount(2)
  await dialog.getByRole('button', { name: 'Take all out' }).click()
  await expect(meant).toBeHidden()
  await page.setViewportSize({ width: 390, height: 844 })
  await expectNoSideways(page)
})

test('a cancelled job ends what runs on every server', async ({ page }) => {
  test.setTimeout(120_000)
  await newJob(page, `long ${Date.now()}`, 'sleep 300')
  for (const agent of agents) await expect(row(page, agent)).toContainText('Running')
  await page.getByRole('button', { name: 'Cancel the job' }).click()
  for (const agent of agents) await expect(row(page, agent)).toContainText('Cancelled')
  await expect(state(page)).toContainText('Cancelled')
})

test('two people decide about a job and about a command on a marked server', async ({
  page,
  browser,
}) => {
  test.setTimeout(240_000)
  const [agent] = agents
  if (!agent) throw new Error('no agent was started')
  const mark = Date.now().toString(36)
  await page.goto(`/servers/${agent.server}/settings`)
  const mustBeTwo = page.getByRole('switch', { name: 'A second person approves each command' })
  await mustBeTwo.check()
  await expect(page.getByText('Commands need approval now')).toBeVisible()
  await page.reload()
  await expect(mustBeTwo).toBeChecked()
  await expectAccessible(page)
  const everywhere = agents.map(({ server }) => server)
  const theirs = await secondPerson(page, browser, `bea-${mark}`, everywhere)

  await test.step('a job waits for the other one', async () => {
    await newJob(page, `both ${mark}`, 'echo agreed')
    const own = page.getByRole('region', { name: 'Approval' })
    await expect(own).toContainText('you cannot approve it yourself')
    await expect(own).toContainText(/denied in \d+ min/)
    await expect(own.getByRole('button')).toHaveCount(0)
    await expectAccessible(page)
    await theirs.goto(new URL(page.url()).pathname)
    const asked = theirs.getByRole('region', { name: 'Approval' })
    await expect(asked).toContainText('e2e-owner asks for a second person')
    await expectAccessible(theirs)
    await asked.getByRole('button', { name: 'Approve' }).click()
    for (const one of agents) await expect(row(page, one)).toContainText('Done')
    await expect(state(page)).toContainText('Completed')
    await expect(state(theirs)).toContainText('Completed')
  })

  const ask = async (line: string) => {
    await page.goto(`/servers/${agent.server}/commands`)
    await page.getByRole('textbox', { name: 'Command', exact: true }).fill(line)
    await page.keyboard.press('Enter')
    const own = page.getByRole('region', { name: 'Approval' })
    await expect(own).toContainText('Another person has to approve this')
    await theirs.goto(`/commands/${new URL(page.url()).searchParams.get('show')}`)
    return theirs.getByRole('region', { name: 'Approval' })
  }
  const condition = page.getByRole('article').locator('dl').getByRole('status')

  await test.step('a command runs once the other one agrees', async () => {
    const asked = await ask(`echo agreed-${mark}`)
    await expectAccessible(page)
    await asked.getByRole('button', { name: 'Approve' }).click()
    await expect(page.getByRole('log', { name: 'Output' })).toContainText(`agreed-${mark}`)
    await expect(condition).toHaveText('Finished')
    await expect(theirs.getByRole('log', { name: 'Output' })).toContainText(`agreed-${mark}`)
  })

  await test.step('and never runs when they do not', async () => {
    const asked = await ask(`echo refused-${mark}`)
    await asked.getByRole('button', { name: 'Deny' }).click()
    await expect(condition).toHaveText('Denied')
    await expect(page.getByRole('article')).toContainText('another person refused it')
  })
  await theirs.context().close()
})

test('every page of jobs is accessible in both themes and fits a phone', async ({ page }) => {
  test.setTimeout(120_000)
  await page.goto('/jobs?state=ended')
  const first = page.getByRole('table').getByRole('link').first()
  await first.click()
  await expect(page.getByRole('table', { name: 'Servers of the job' })).toBeVisible()
  const paths = [new URL(page.url()).pathname, '/jobs', '/jobs?state=waiting']
  for (const theme of ['light', 'dark'] as const) {
    await withTheme(page, theme)
    for (const path of paths) {
      await test.step(`${path} ${theme}`, async () => {
        await page.goto(path)
        await expect(page.locator('[data-connection]')).toHaveText('Live')
        await expect(page.getByRole('table').or(page.getByText('Nothing waits'))).toBeVisible()
        await expectAccessible(page)
      })
    }
  }
  await page.setViewportSize({ width: 390, height: 844 })
  for (const path of paths) {
    await page.goto(path)
    await expect(page.getByRole('table').or(page.getByText('Nothing waits'))).toBeVisible()
    await expectNoSideways(page)
  }
})
