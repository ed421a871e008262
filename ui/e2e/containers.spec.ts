/** Containers of a real engine, through a real agent: the list, what is done with one, its log, its shell, its end. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Engine } from './engine'
import { expect, expectAccessible, expectNoSideways, test } from './page-health'

const target = process.env.CARGO_TARGET_DIR ?? resolve(import.meta.dirname, '../../target')
const agentPath = process.env.CHATOPS_E2E_AGENT ?? join(target, 'debug', 'chatops-agent')

test('containers are shown, acted on, read, and entered', async ({ page, health }) => {
  test.skip(!existsSync(agentPath), `there is no agent at ${agentPath}`)
  test.setTimeout(240_000)
  const engine = await Engine.start()
  if (typeof engine === 'string') {
    process.stdout.write(`skipped, containers in the browser: ${engine}\n`)
    test.skip(true, engine)
    return
  }
  const data = mkdtempSync(join(tmpdir(), 'chatops-e2e-agent-'))
  let stop = () => {}
  try {
    const shop = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' }
    const counts =
      'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo "line $i"; done; exec sleep 3600'
    await engine.create('web', ['/bin/sh', '-c', counts], shop)
    await engine.ask('POST', '/containers/web/start')
    await engine.create('broken', ['/no-such-program'])

    const name = `e2e engine ${Date.now()}`
    await page.goto('/servers/new')
    await page.getByLabel('Name').fill(name)
    await page.getByLabel('A reading every').selectOption({ label: 'second' })
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('radio', { name: 'Agent is there' }).check()
    const command = await page.getByTestId('install-command').textContent()
    const [, ...args] = (command ?? '').split(/\s+/)
    const config = join(data, 'agent.toml')
    execFileSync(agentPath, [...args, '--config', config])
    const allowed = ['--capabilities', 'metrics,docker,docker_control,terminal']
    const agent = spawn(agentPath, ['run', '--config', config, '--data', data, ...allowed], {
      stdio: 'ignore',
      env: { ...process.env, CHATOPS_AGENT_DOCKER_SOCKET: engine.socket },
    })
    stop = () => agent.kill('SIGKILL')
    await expect(page.getByRole('heading', { level: 1, name })).toBeVisible({ timeout: 30_000 })
    const id = new URL(page.url()).pathname.split('/')[2] ?? ''
    const list = `/servers/${id}/containers`
    await page.goto(list)
    const group = page.getByRole('region', { name: 'shop' })
    const web = group.getByRole('row', { name: /web/ })
    await expect(web).toContainText('Running')
    // Figures come with the readings.
    await expect(web).toContainText(/\d+(\.\d+)? [KM]iB/, { timeout: 30_000 })
    await expectAccessible(page)

    await test.step('the words of the engine when it refuses', async () => {
      const alone = page.getByRole('region', { name: 'No project' })
      await alone.getByRole('button', { name: 'Start broken' }).click()
      await expect(page.getByText(/no-such-program.*no such file or directory/)).toBeVisible()
      // The refusal was provoked.
      health.problems = health.problems.filter((problem) => !problem.includes('status of 409'))
    })

    await test.step('paused, stopped after a question, started', async () => {
      await group.getByRole('button', { name: 'Pause web' }).click()
      await expect(web).toContainText('Paused')
      await group.getByRole('button', { name: 'Unpause web' }).click()
      await expect(web).toContainText('Running')
      await group.getByRole('button', { name: 'Stop web' }).click()
      const dialog = page.getByRole('dialog', { name: 'Stop web?' })
      await expectAccessible(page)
      await dialog.getByRole('button', { name: 'Stop web' }).click()
      await expect(web).toContainText('Exited', { timeout: 60_000 })
      await group.getByRole('button', { name: 'Start web' }).click()
      await expect(web).toContainText('Running')
    })

    await group.getByRole('link', { name: 'web' }).click()
    const tabs = page.getByRole('navigation', { name: 'Container' })
    await test.step('its log', async () => {
      await tabs.getByRole('link', { name: 'Logs' }).click()
      await expect(page).toHaveURL(new RegExp(`${list}/web/logs$`))
      const log = page.getByRole('log')
      await expect(log).toContainText('line 2000')
      await page.getByRole('searchbox').fill('line 1999')
      await expect(page.getByText(/ of [12]$/)).toBeVisible()
    })
    await test.step('what the engine says, and its figures', async () => {
      await tabs.getByRole('link', { name: 'Inspect' }).click()
      await expect(page.getByRole('region', { name: 'What the engine says' })).toContainText(
        'com.docker.compose.project',
      )
      await tabs.getByRole('link', { name: 'Stats' }).click()
      const memory = page.getByRole('figure', { name: 'Memory' })
      await expect(async () => {
        await page.reload()
        await expect(memory).toContainText(/now \d/, { timeout: 5_000 })
      }).toPass({ timeout: 90_000 })
      await expectAccessible(page)
      await page.setViewportSize({ width: 390, height: 844 })
      await expectNoSideways(page)
      await page.setViewportSize({ width: 1440, height: 900 })
    })
    await test.step('a shell in it', async () => {
      await page.getByRole('link', { name: 'Shell' }).click()
      const screen = page.getByRole('group', { name: `Terminal of ${name}` })
      await expect(page).toHaveURL(/session=/)
      await screen.click()
      await page.keyboard.type('echo inside=$(ls / | grep -c bin) of $(hostname)\n')
      await expect(screen.locator('.xterm-rows')).toContainText(/inside=1 of [0-9a-f]{12}/)
    })
    await test.step('its end, with the last lines that it wrote', async () => {
      await engine.ask('POST', '/containers/web/kill')
      await page.goto(`${list}/web/events`)
      await expect(page.getByText('exit code 137').first()).toBeVisible({ timeout: 60_000 })
      await expect(page.getByText('line 2000').first()).toBeVisible()
    })
  } finally {
    stop()
    await engine.stop()
    rmSync(data, { recursive: true, force: true })
  }
})
