/** Commands from the browser to this machine's own agent and back: nothing in between is a stand-in. */
import type { Page } from '@playwright/test'
import { openOnlineServer } from './first-server'
import { expect, expectAccessible, expectNoSideways, test, withTheme } from './page-health'
import { agentIsThere, noAgent, startAgent } from './real-agent'

async function openCommands(page: Page): Promise<string> {
  const name = await openOnlineServer(page)
  await page
    .getByRole('navigation', { name: 'Server' })
    .getByRole('link', { name: 'Commands' })
    .click()
  await expect(page.getByRole('textbox', { name: 'Command', exact: true })).toBeVisible()
  return name
}

async function run(page: Page, line: string): Promise<void> {
  const box = page.getByRole('textbox', { name: 'Command', exact: true })
  await box.fill(line)
  await box.press('Enter')
  await expect(box).toHaveValue('')
}

const output = (page: Page) => page.getByRole('log', { name: 'Output' })
const state = (page: Page) => page.getByRole('article').locator('dl').getByRole('status')

test('a command runs with Enter, both outputs are told apart, and everything of it is linked', async ({
  page,
}) => {
  test.setTimeout(120_000)
  await openCommands(page)
  const mark = `mark-${Date.now()}`
  await run(
    page,
    `echo ${mark}; printf '\\033[31mred\\033[0m <b>bold</b>\\n'; echo oh no >&2; exit 3`,
  )
  await expect(page).toHaveURL(/show=/)
  await expect(state(page)).toHaveText('Exit 3')
  await expect(output(page)).toContainText(mark)
  // What programs write is text, never markup.
  await expect(output(page).getByText('red', { exact: true })).toHaveClass(/ansi-red/)
  await expect(output(page)).toContainText('<b>bold</b>')
  const wrong = output(page).getByRole('button').filter({ hasText: 'oh no' })
  await expect(wrong.getByText('err', { exact: true })).toBeVisible()
  await expect(output(page).getByText('err', { exact: true })).toHaveCount(1)

  await test.step('arrow up brings it back', async () => {
    const box = page.getByRole('textbox', { name: 'Command', exact: true })
    await box.press('ArrowUp')
    await expect(box).toHaveValue(new RegExp(mark))
    await box.press('ArrowDown')
    await expect(box).toHaveValue('')
  })

  await test.step('it has an address, can be run again, and edited', async () => {
    await page.getByRole('link', { name: 'Page of this command' }).click()
    await expect(page).toHaveURL(/\/commands\/[0-9a-f-]{36}$/)
    await page.reload()
    await expect(state(page)).toHaveText('Exit 3')
    await expect(output(page)).toContainText(mark)
    const first = page.url()
    await page.getByRole('button', { name: 'Run again' }).click()
    await expect(page).not.toHaveURL(first)
    await expect(page.getByRole('link', { name: 'an earlier command' })).toBeVisible()
    await expect(state(page)).toHaveText('Exit 3')
    await page.getByRole('link', { name: 'Edit' }).click()
    await expect(page.getByRole('textbox', { name: 'Command', exact: true })).toHaveValue(
      new RegExp(mark),
    )
  })

  await test.step('the history finds it by text and state, in the address', async () => {
    await page.goto('/servers')
    await expect(page.getByRole('heading', { name: 'Servers', exact: true })).toBeVisible()
    await page.keyboard.press('g')
    await page.keyboard.press('c')
    await expect(page).toHaveURL(/\/commands$/)
    await page.getByLabel('Text').fill(mark)
    await page.keyboard.press('Enter')
    await expect(page).toHaveURL(/q=mark/)
    const rows = page.getByRole('table', { name: 'Commands' }).getByRole('row')
    await expect(rows).toHaveCount(3)
    await page.getByLabel('State').selectOption('cancelled')
    await expect(page.getByRole('heading', { name: 'No command fits' })).toBeVisible()
    await page.goBack()
    await expect(rows).toHaveCount(3)
    await page.getByLabel('Who').fill('e2e-owner')
    await page.keyboard.press('Enter')
    await expect(page).toHaveURL(/who=e2e-owner/)
    await expect(rows).toHaveCount(3)
    await rows.nth(1).getByRole('link').click()
    await expect(page).toHaveURL(/\/commands\/[0-9a-f-]{36}$/)
  })

  await test.step('its entry in the audit log leads to it', async () => {
    const id = page.url().split('/').at(-1)
    const table = page.getByRole('table', { name: 'Audit entries' })
    const entry = table.getByRole('button', { name: /command\.requested/ })
    await expect(async () => {
      await page.goto(`/audit?target=command:${id}`)
      await expect(entry).toBeVisible({ timeout: 5_000 })
    }).toPass({ timeout: 30_000 })
    await entry.click()
    await page
      .getByRole('dialog')
      .getByRole('link', { name: /command:/ })
      .click()
    await expect(page).toHaveURL(new RegExp(`/commands/${id}$`))
  })
})

test('output comes while a command runs, and cancelling ends it with its children', async ({
  page,
}) => {
  await openCommands(page)
  await run(page, 'printf "half a "; sleep 1; echo line; sleep 300 & wait')
  await expect(state(page)).toHaveText('Running')
  await expect(output(page)).toContainText('half a line')
  await page.getByRole('button', { name: 'Cancel', exact: true }).click()
  await expect(state(page)).toHaveText('Cancelled', { timeout: 20_000 })
  await expect(page.getByRole('button', { name: 'Run again' })).toBeVisible()
})

test('folder, variables and input reach the program, and their values are nowhere after', async ({
  page,
}) => {
  await openCommands(page)
  await page.getByLabel('Program', { exact: true }).check({ force: true })
  await page
    .getByLabel('Program and arguments')
    .fill('sh -c \'pwd; echo "$0 $SECRET"; cat\' "one word"')
  await expect(page.getByRole('list', { name: 'What is run' }).getByRole('listitem')).toHaveCount(4)
  await page.getByRole('button', { name: /^Folder/ }).click()
  await page.getByLabel('Folder', { exact: true }).fill('/tmp')
  await page.getByLabel('Variables').fill('SECRET=swordfish')
  await page.getByLabel('Input').fill('from the input\n')
  await page.getByRole('button', { name: /^Run/ }).first().click()
  await expect(state(page)).toHaveText('Finished')
  await expect(output(page)).toContainText('/tmp')
  await expect(output(page)).toContainText('one word swordfish')
  await expect(output(page)).toContainText('from the input')
  const facts = page.getByRole('article')
  await expect(facts.getByText('SECRET', { exact: true })).toBeVisible()
  await expect(page.getByRole('button', { name: 'Run again' })).toHaveCount(0)
  const id = new URL(page.url()).searchParams.get('show')
  const kept = await page.request.get(`/api/v1/commands/${id}`)
  expect(await kept.text()).not.toContain('swordfish')
})

test('a process is found in the whole list and ended, after a question that names it', async ({
  page,
}) => {
  test.setTimeout(90_000)
  const name = await openCommands(page)
  const seconds = `${Date.now()}`.slice(-7)
  await run(page, `exec sleep ${seconds}`)
  await expect(state(page)).toHaveText('Running')
  const command = page.url()

  await page.getByRole('link', { name: 'Processes' }).click()
  await page.getByLabel('All', { exact: true }).check({ force: true })
  const find = page.getByRole('searchbox', { name: 'Find processes' })
  await find.fill(`sleep ${seconds}`)
  await expect(page).toHaveURL(/q=sleep/)
  const row = page.getByRole('table', { name: 'All processes' }).getByRole('row').nth(1)
  await expect(row).toContainText(`sleep ${seconds}`)
  await page.getByRole('button', { name: 'Tree' }).click()
  await expect(page).toHaveURL(/tree=true/)
  await page.getByRole('button', { name: 'Tree' }).click()
  await expectAccessible(page)
  await row.getByRole('button', { name: /^Signal sleep/ }).click()
  await page.getByRole('menuitem', { name: /^End/ }).click()
  const dialog = page.getByRole('dialog', { name: new RegExp(`^End sleep .* on ${name}`) })
  await expect(dialog).toContainText('SIGTERM')
  await expectAccessible(page)
  await dialog.getByRole('button', { name: 'End sleep' }).click()
  await expect(page.getByText('The signal was sent')).toBeVisible()
  await expect(page.getByText(/^No process is called/)).toBeVisible()
  await page.goto(command)
  await expect(state(page)).toHaveText('Signal 15')
})

test('units are listed, or the host says in its own words why not', async ({ page, health }) => {
  await openOnlineServer(page)
  await page.getByRole('link', { name: /^Services/ }).click()
  const table = page.getByRole('table', { name: 'Units' })
  const refusal = page.getByRole('alert').filter({ hasText: 'did not list its units' })
  await expect(table.or(refusal)).toBeVisible()
  if (await table.isVisible()) {
    await page.getByRole('searchbox', { name: 'Find units' }).fill('no-such-unit-anywhere')
    await expect(page.getByText('No unit fits.')).toBeVisible()
  } else {
    // A host without systemd; the browser notes the answer of the API.
    await expect(refusal).toContainText(/systemd|systemctl/i)
    health.problems = health.problems.filter((problem) => !problem.includes('status of'))
  }
  await expectAccessible(page)
})

test('a host that does not allow commands says how to allow them, and notices when it is done', async ({
  page,
}) => {
  test.skip(!agentIsThere, noAgent)
  test.setTimeout(120_000)
  const agent = await startAgent(page)
  try {
    await page.goto(`/servers/${agent.server}/commands`)
    const refusal = page.getByRole('region', { name: `Not allowed by ${agent.name}` })
    await expect(refusal).toContainText('chatops-agent grant exec 30m')
    await expect(page.getByRole('textbox', { name: 'Command', exact: true })).toHaveCount(0)
    await expectAccessible(page)

    agent.type('grant', 'exec', '30m')
    // No click and no reload: the agent tells, the page shows.
    await run(page, 'echo granted')
    await expect(output(page)).toContainText('granted')
    await expect(page.getByText(/^exec ends in/)).toBeVisible()

    agent.type('revoke', 'exec')
    await expect(refusal).toBeVisible()
    await page.goto(`/servers/${agent.server}/settings`)
    const row = page.getByRole('row').filter({ hasText: 'terminal' })
    await expect(row).toContainText('Not allowed')
  } finally {
    agent.stop()
  }
})

test('every page of commands is accessible in both themes and fits a phone', async ({ page }) => {
  test.setTimeout(120_000)
  await openCommands(page)
  const server = new URL(page.url()).pathname
  await run(page, 'echo out; echo err >&2; false')
  await expect(state(page)).toHaveText('Exit 1')
  const shown = new URL(page.url())
  const id = shown.searchParams.get('show')
  const paths = [
    `${shown.pathname}${shown.search}`,
    server,
    `/commands/${id}`,
    '/commands',
    '/commands?q=nothing-like-this',
    server.replace('/commands', '/processes?view=all'),
  ]
  for (const theme of ['light', 'dark'] as const) {
    await withTheme(page, theme)
    for (const path of paths) {
      await test.step(`${path} ${theme}`, async () => {
        await page.goto(path)
        await expect(page.locator('main :is(h1, h2)').first()).toBeVisible()
        await expect(page.locator('[data-connection]')).toHaveText('Live')
        await expectAccessible(page)
      })
    }
  }
  await page.setViewportSize({ width: 390, height: 844 })
  for (const path of paths) {
    await page.goto(path)
    await expect(page.locator('main :is(h1, h2)').first()).toBeVisible()
    await expectNoSideways(page)
  }
})
