/** A real agent on this machine that is enrolled as a new server, with the settings that a test wants. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Page } from '@playwright/test'
import { expect } from './page-health'

const target = process.env.CARGO_TARGET_DIR ?? resolve(import.meta.dirname, '../../target')
export const agentPath = process.env.CHATOPS_E2E_AGENT ?? join(target, 'debug', 'chatops-agent')
export const agentIsThere = existsSync(agentPath)
export const noAgent = `there is no agent at ${agentPath}; CHATOPS_E2E_AGENT names one`

export interface RealAgent {
  server: string
  name: string
  /** `chatops-agent …` as somebody would type it on the host. */
  type: (...args: string[]) => string
  stop: () => void
}

/** Starts one with what an agent allows when nobody says anything else. */
export async function startAgent(page: Page): Promise<RealAgent> {
  const name = `e2e host ${Date.now()}`
  await page.goto('/servers/new')
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('A reading every').selectOption({ label: 'second' })
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('radio', { name: 'Agent is there' }).check()
  const command = await page.getByTestId('install-command').textContent()
  const [, ...args] = (command ?? '').split(/\s+/)
  const data = mkdtempSync(join(tmpdir(), 'chatops-e2e-agent-'))
  const config = join(data, 'agent.toml')
  execFileSync(agentPath, [...args, '--config', config])
  const where = ['--config', config, '--data', data]
  const agent = spawn(agentPath, ['run', ...where], { stdio: 'ignore' })
  const stop = () => {
    agent.kill('SIGKILL')
    rmSync(data, { recursive: true, force: true })
  }
  try {
    await expect(page.getByRole('heading', { level: 1, name })).toBeVisible({ timeout: 30_000 })
  } catch (error) {
    stop()
    throw error
  }
  return {
    name,
    stop,
    server: new URL(page.url()).pathname.split('/')[2] ?? '',
    type: (...typed) => execFileSync(agentPath, [...typed, ...where], { encoding: 'utf8' }),
  }
}
