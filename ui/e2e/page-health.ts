/**
 * The test function of all specs: any console error, page error or policy violation fails the test
 * in which it happens, and `axe` and `sideways` judge the page as it stands. `CHATOPS_E2E_SLOWER=6`
 * gives the page a sixth of the processor: what passes only on a fast machine shows itself.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test as base, expect, type Page } from '@playwright/test'
import { gather } from './evidence'

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
)

interface Health {
  /** Problems so far; a test that provokes one on purpose takes it out. */
  problems: string[]
}

export const test = base.extend<{ health: Health }>({
  health: [
    async ({ page, context }, use) => {
      gather(context)
      const health: Health = { problems: [] }
      page.on('console', (message) => {
        if (message.type() === 'error') health.problems.push(message.text())
      })
      page.on('pageerror', (error) => health.problems.push(String(error.stack ?? error)))
      await page.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (event) => {
          console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)
        })
      })
      const slower = Number(process.env.CHATOPS_E2E_SLOWER ?? 1)
      if (slower > 1) {
        const devtools = await page.context().newCDPSession(page)
        await devtools.send('Emulation.setCPUThrottlingRate', { rate: slower })
      }
      await use(health)
      expect(health.problems).toEqual([])
    },
    { auto: true },
  ],
})

export { expect }

/** Runs axe in the page (not injected as a script tag, which the policy would forbid). */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axeSource)
  const violations = await page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: {
        run: (
          root: Document,
          options: object,
        ) => Promise<{
          violations: { id: string; nodes: { html: string; failureSummary: string }[] }[]
        }>
      }
    }
    const result = await axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
    })
    return result.violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map((n) => `${n.html} ${n.failureSummary}`).join(' | ')}`,
    )
  })
  expect(violations).toEqual([])
}

/** Nothing may make the whole page scroll to the side. */
export async function expectNoSideways(page: Page): Promise<void> {
  const surplus = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  expect(surplus).toBe(0)
}

export async function withTheme(page: Page, theme: 'light' | 'dark'): Promise<void> {
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
  await expect(page.locator('html')).toHaveAttribute('data-theme', theme)
}
