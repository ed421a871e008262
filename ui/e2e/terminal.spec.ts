/** A real shell of a real agent in a real browser: typed, shown, resized, left and come back to. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from './page-health'

const target = process.env.CARGO_TARGET_DIR ?? resolve(import.meta.dirname, '../../target')
const agentPath = process.env.CHATOPS_E2E_AGENT ?? join(target, 'debug', 'chatops-agent')

test('a shell in the browser echoes, resizes and survives a reload', async ({ page }) => {
  test.skip(!existsSync(agentPath), `there is no agent at ${agentPath}`)
  const name = `e2e terminal ${Date.now()}`
  await page.goto('/servers/new')
  await page.getByLabel('Name').fill(name)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('radio', { name: 'Agent is there' }).check()
  const command = await page.getByTestId('install-command').textContent()
  const args = (command ?? '').split(/\s+/).slice(1)
  const data = mkdtempSync(join(tmpdir(), 'chatops-e2e-terminal-'))
  const config = join(data, 'agent.toml')
  execFileSync(agentPath, [...args, '--config', config])
  writeFileSync(config, `capabilities = ["metrics", "terminal"]\n${readFileSync(config, 'utf8')}`)
  const agent = spawn(agentPath, ['run', '--config', config, '--data', data], { stdio: 'ignore' })
  try {
    await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()
    const tabs = page.getByRole('navigation', { name: 'Server' })
    await tabs.getByRole('link', { name: 'Terminal' }).click()
    const screen = page.getByRole('group', { name: `Terminal of ${name}` })
    const rows = screen.locator('.xterm-rows')
    await expect(page).toHaveURL(/session=/)
    await screen.click()
    await page.keyboard.type('echo sum=$((40+2)) übung\n')
    await expect(rows).toContainText('sum=42 übung')

    // The size of the shell follows that of the window.
    const size = async (mark: string) => {
      await page.keyboard.type(`echo ${mark}=$(stty size)=\n`)
      const found = new RegExp(`${mark}=(\\d+ \\d+)=`)
      await expect(rows).toContainText(found)
      return found.exec((await rows.textContent()) ?? '')?.[1]
    }
    const before = await size('one')
    await page.setViewportSize({ width: 1000, height: 700 })
    await expect(async () => {
      expect(await size('two')).not.toBe(before)
    }).toPass({ timeout: 20_000 })
    await page.setViewportSize({ width: 1440, height: 900 })

    // The same shell after a reload: its variable is still there, and what it showed is shown again.
    await page.keyboard.type('kept=yes$((1))\n')
    await page.reload()
    await expect(rows).toContainText('sum=42')
    await screen.click()
    await page.keyboard.type('echo again=$kept\n')
    await expect(rows).toContainText('again=yes1')

    // The keyboard gets out.
    await page.keyboard.press('Control+Shift+L')
    await expect(page.getByRole('button', { name: 'New terminal' })).toBeFocused()

    await screen.click()
    await page.keyboard.type('exit 3\n')
    await expect(page.getByText('The shell ended with 3.')).toBeVisible()
    await page.getByRole('link', { name: 'History' }).click()
    await expect(page.getByRole('cell', { name: 'Shell ended' })).toBeVisible()
  } finally {
    agent.kill('SIGKILL')
    rmSync(data, { recursive: true, force: true })
  }
})
