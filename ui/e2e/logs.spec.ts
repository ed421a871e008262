/** Logs: a host that ships a file, found, followed, linked to and downloaded; and how one begins. */
import { execFileSync, spawn } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, expectAccessible, expectNoSideways, test } from './page-health'

const target = process.env.CARGO_TARGET_DIR ?? resolve(import.meta.dirname, '../../target')
const agentPath = process.env.CHATOPS_E2E_AGENT ?? join(target, 'debug', 'chatops-agent')
const WRITE = { 'X-ChatOps-CSRF': '1' }

test('lines of a file are found, followed, opened, linked to and downloaded', async ({
  page,
  health,
}) => {
  test.skip(
    !existsSync(agentPath),
    `there is no agent at ${agentPath}; CHATOPS_E2E_AGENT names one`,
  )
  test.setTimeout(120_000)
  const mark = Date.now().toString(36)
  const name = `logs-${mark}`
  await page.goto('/servers/new')
  await page.getByLabel('Name').fill(name)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('radio', { name: 'Agent is there' }).check()
  const command = await page.getByTestId('install-command').textContent()
  const [, ...args] = (command ?? '').split(/\s+/)
  const folder = mkdtempSync(join(tmpdir(), 'chatops-e2e-logs-'))
  const config = join(folder, 'agent.toml')
  const log = join(folder, 'app.log')
  execFileSync(agentPath, [...args, '--config', config])
  appendFileSync(config, `\n[[logs]]\nname = "app"\nfiles = ["${log}"]\nstart = "beginning"\n`)
  const lines = [
    `INFO started ${mark}`,
    `ERROR could not read ${mark}`,
    '  at one.rs:1',
    `{"level":"warn","msg":"slow ${mark}","took_ms":"1234"}`,
  ]
  writeFileSync(log, `${lines.join('\n')}\n`)
  const settings = ['run', '--config', config, '--data', folder, '--capabilities', 'metrics,logs']
  const agent = spawn(agentPath, settings, { stdio: 'ignore' })
  try {
    await expect(page.getByRole('heading', { level: 1, name })).toBeVisible({ timeout: 30_000 })
    await page
      .getByRole('navigation', { name: 'Server' })
      .getByRole('link', { name: 'Logs' })
      .click()
    const view = page.getByRole('region', { name: `Logs of ${name}` })
    const found = (text: string) => view.getByRole('button', { name: text })
    await expect(async () => {
      await page.reload()
      await expect(found(`slow ${mark}`)).toBeVisible({ timeout: 5_000 })
    }).toPass({ timeout: 60_000 })
    await expect(found('agent connected')).toBeVisible()
    await expectAccessible(page)

    // In the address, and back.
    await page.getByRole('button', { name: 'error', exact: true }).click()
    await expect(page).toHaveURL(/levels=error/)
    await expect(found(`could not read ${mark}`)).toBeVisible()
    await expect(found(`slow ${mark}`)).toBeHidden()
    await page.goBack()
    await page.getByRole('searchbox', { name: 'Find lines with a text' }).fill('1234')
    await page.keyboard.press('Enter')
    await expect(found(`slow ${mark}`)).toBeVisible()
    await expect(found(`started ${mark}`)).toBeHidden()
    await page.getByRole('button', { name: 'Clear', exact: true }).click()

    await expect(found(`started ${mark}`)).toBeVisible()

    // What was stored between the search and the tail is not lost, however long that took.
    appendFileSync(log, `INFO in between ${mark}\n`)
    await expect
      .poll(async () => {
        const answer = await page.request.get(
          `/api/v1/logs?text=${encodeURIComponent(`in between ${mark}`)}`,
        )
        return (await answer.json()).entries.length
      })
      .toBe(1)
    await expect(found(`in between ${mark}`)).toBeHidden()
    await page.getByRole('button', { name: 'Live tail' }).click()
    await expect(view.getByRole('status').filter({ hasText: /^Live$/ })).toBeVisible()
    await expect(found(`in between ${mark}`)).toBeVisible()
    appendFileSync(log, `WARN just now ${mark}\n`)
    await expect(found(`just now ${mark}`)).toBeVisible()

    // An expression is followed, too; one that only the search knows is said to be none.
    await page.getByRole('button', { name: 'Regular expression' }).first().click()
    const expression = page.getByRole('searchbox', { name: /regular expression/ })
    await expression.fill(`took \\d{4} ms.*${mark}`)
    await page.keyboard.press('Enter')
    await expect(found(`just now ${mark}`)).toBeHidden()
    await expect(view.getByRole('status').filter({ hasText: /^Live$/ })).toBeVisible()
    appendFileSync(log, `INFO took 12 ms ${mark}\nINFO took 4012 ms ${mark}\n`)
    await expect(found(`took 4012 ms ${mark}`)).toBeVisible()
    await expect(found(`took 12 ms ${mark}`)).toBeHidden()
    await expression.fill('(?=now)')
    await page.keyboard.press('Enter')
    await expect(page.getByRole('alert')).toContainText('not followed live')
    await page.getByRole('button', { name: 'Clear', exact: true }).click()
    await expect(view.getByRole('status').filter({ hasText: /^Live$/ })).toBeVisible()

    await found(`slow ${mark}`).click()
    await expect(view.getByText('took_ms')).toBeVisible()
    await view.getByRole('link', { name: 'Link to this line' }).click()
    const one = page.getByRole('region', { name: 'One line and its neighbours' })
    await expect(one.getByText(`could not read ${mark}`)).toBeVisible()
    await expect(one.getByText('took_ms')).toBeVisible()
    await one.getByRole('button', { name: 'Back to the search' }).click()

    const downloading = page.waitForEvent('download')
    await page.getByRole('link', { name: 'as NDJSON' }).click()
    const file = readFileSync(await (await downloading).path(), 'utf8')
    expect(file).toContain(`slow ${mark}`)

    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Logs' }).click()
    await page.getByRole('searchbox', { name: 'Find lines with a text' }).fill(mark)
    await page.keyboard.press('Enter')
    await expect(page.getByRole('region', { name: 'Logs' }).getByText(name).first()).toBeVisible()
    await page.getByRole('button', { name: 'Regular expression' }).first().click()
    await page.getByRole('searchbox', { name: /regular expression/ }).fill('(')
    await page.keyboard.press('Enter')
    await expect(page.getByRole('alert')).toBeVisible()
    // The expression that is none.
    health.problems = health.problems.filter((problem) => !problem.includes('status of 422'))
  } finally {
    agent.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a server without logs teaches how to begin, also at 390 px', async ({ page }) => {
  const made = await page.request.post('/api/v1/servers', {
    data: { name: `no-logs-${Date.now().toString(36)}`, tags: [] },
    headers: WRITE,
  })
  const { id } = await made.json()
  await page.setViewportSize({ width: 390, height: 844 })
  await page.goto(`/servers/${id}/logs`)
  await expect(page.getByRole('heading', { name: 'No logs are sent yet' })).toBeVisible()
  await expect(page.getByText('chatops-agent logs')).toBeVisible()
  await expectAccessible(page)
  await expectNoSideways(page)
})
