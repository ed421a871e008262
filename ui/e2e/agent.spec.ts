/** The whole way of a new host: the command from the wizard starts a real agent, and it dies. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from './page-health'
import { agentIsThere, agentPath, noAgent } from './real-agent'

test('the shown command connects a host, its charts appear by themselves, and its death is seen', async ({
  page,
}) => {
  test.skip(!agentIsThere, noAgent)
  const name = `e2e agent ${Date.now()}`
  await page.goto('/servers/new')
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('A reading every').selectOption({ label: 'second' })
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('radio', { name: 'Agent is there' }).check()
  const command = await page.getByTestId('install-command').textContent()
  const [program, ...args] = (command ?? '').split(/\s+/)
  expect(program).toBe('chatops-agent')
  expect(args[0]).toBe('enroll')
  await expect(page.getByText('Waiting for the agent…')).toBeVisible()

  const data = mkdtempSync(join(tmpdir(), 'chatops-e2e-agent-'))
  const config = join(data, 'agent.toml')
  execFileSync(agentPath, [...args, '--config', config])
  // Whoever reads the settings has the key.
  expect(statSync(config).mode & 0o777).toBe(0o600)
  // The code is used up.
  expect(() => execFileSync(agentPath, [...args, '--config', config], { stdio: 'pipe' })).toThrow()
  const agent = spawn(agentPath, ['run', '--config', config, '--data', data], { stdio: 'ignore' })
  try {
    await expect(page.getByText('Key accepted')).toBeVisible()
    await expect(page.getByText('First readings arrived')).toBeVisible()
    // No click and no reload from here on.
    await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()
    await expect(page.getByText('Online', { exact: true }).first()).toBeVisible()
    await expect(page.getByRole('figure', { name: 'CPU', exact: true })).toBeVisible()

    agent.kill('SIGKILL')
    // Two seconds for the edge to notice, and some for a busy machine.
    await expect(page.getByRole('main').getByText('Offline', { exact: true })).toBeVisible({
      timeout: 20_000,
    })
    await expect(page.getByText(/last reading/)).toBeVisible()
    await page.getByRole('link', { name: 'Connections' }).click()
    await expect(page.getByRole('rowheader', { name: 'Disconnected' })).toBeVisible()

    await page
      .getByRole('navigation', { name: 'Server' })
      .getByRole('link', { name: 'Settings' })
      .click()
    await page.getByRole('button', { name: `Delete ${name}` }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox').fill(name)
    await dialog.getByRole('button', { name: `Delete ${name}` }).click()
    await expect(page).toHaveURL(/\/servers$/)
  } finally {
    agent.kill('SIGKILL')
    rmSync(data, { recursive: true, force: true })
  }
})
