/** Containers of a real engine, through a real agent: the list, what is done with one, its log, its end. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Engine, noEngine } from './engine'
import { expect, test } from './page-health'

const target = process.env.CARGO_TARGET_DIR ?? resolve(import.meta.dirname, '../../target')
const agentPath = process.env.CHATOPS_E2E_AGENT ?? join(target, 'debug', 'chatops-agent')

test('containers are shown, acted on, and their logs followed', async ({ page, health }) => {
  const missing = noEngine()
  test.skip(missing !== null, missing ?? '')
  test.skip(!existsSync(agentPath), `there is no agent at ${agentPath}`)
  test.setTimeout(120_000)
  const engine = await Engine.start()
  const data = mkdtempSync(join(tmpdir(), 'chatops-e2e-agent-'))
  const config = join(data, 'agent.toml')
  const shop = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' }
  await engine.run(
    'web',
    'i=0; while true; do i=$((i+1)); echo "line $i"; [ $i -lt 2000 ] || sleep 1; done',
    shop,
  )
  await engine.run('other', 'echo alone; sleep 1000')

  await page.goto('/servers/new')
  await page.getByLabel('Name').fill(`e2e engine ${Date.now()}`)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('radio', { name: 'Agent is there' }).check()
  const command = await page.getByTestId('install-command').textContent()
  const [, ...args] = (command ?? '').split(/\s+/)
  execFileSync(agentPath, [...args, '--config', config])
  const agent = spawn(agentPath, ['run', '--config', config, '--data', data], {
    stdio: 'ignore',
    env: {
      ...process.env,
      CHATOPS_AGENT_DOCKER_SOCKET: engine.socket,
      CHATOPS_AGENT_CAPABILITIES: 'metrics,docker,docker_control',
    },
  })
  try {
    await expect(page.getByText('First readings arrived')).toBeVisible({ timeout: 30_000 })
    const id = new URL(page.url()).pathname.split('/')[2] ?? ''
    await page.goto(`/servers/${id}/containers`)
    const group = page.getByRole('region', { name: 'shop' })
    await expect(group.getByRole('row', { name: /web/ })).toContainText('Running')

    // What is done, and the engine's own words when it is not.
    await group.getByRole('button', { name: 'Pause web' }).click()
    await expect(group.getByRole('row', { name: /web/ })).toContainText('Paused')
    await engine.ask('POST', '/containers/web/unpause')
    await group.getByRole('button', { name: 'Unpause web' }).click()
    await expect(page.getByText('is not paused')).toBeVisible()
    // The refusal was provoked.
    health.problems.length = 0

    await group.getByRole('link', { name: 'web' }).click()
    await page.getByRole('link', { name: 'Logs' }).click()
    await expect(page).toHaveURL(new RegExp(`/servers/${id}/containers/web/logs$`))
    const log = page.getByRole('log')
    await expect(log).toContainText('line 2000')
    await page.getByRole('searchbox').fill('line 1999')
    await expect(page.getByText('– of 1', { exact: true })).toBeVisible()
    await page.getByRole('button', { name: 'Pause', exact: true }).click()
    await expect(page.getByRole('button', { name: 'Follow' })).toBeVisible()

    await page.getByRole('link', { name: 'Inspect' }).click()
    await expect(page.getByRole('region', { name: 'What the engine says' })).toContainText(
      'com.docker.compose.project',
    )
    await engine.ask('POST', '/containers/web/kill')
    await page.getByRole('link', { name: 'Events' }).click()
    await expect(page.getByText('exit code 137')).toBeVisible({ timeout: 30_000 })
    await expect(page.getByText(/line 20\d\d/).first()).toBeVisible()
  } finally {
    agent.kill('SIGKILL')
    engine.stop()
    rmSync(data, { recursive: true, force: true })
  }
})
