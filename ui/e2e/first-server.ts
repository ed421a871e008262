import type { Page } from '@playwright/test'
import { expect } from './page-health'

/** Opens the page of a server that is online: this machine's own agent. */
export async function openOnlineServer(page: Page): Promise<string> {
  await page.goto('/servers?q=status%3Aonline')
  const link = page.getByRole('table', { name: 'Servers' }).getByRole('link').first()
  await expect(link).toBeVisible({ timeout: 30_000 })
  const name = (await link.textContent()) ?? ''
  await link.click()
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()
  return name
}

/** The number in front of a unit in a chart's legend. */
export async function legendValue(page: Page, chart: string, line: string): Promise<string> {
  const figure = page.getByRole('figure', { name: chart, exact: true })
  return (
    (await figure
      .getByRole('button', { name: new RegExp(`^${line}`) })
      .locator('[data-value]')
      .textContent()) ?? ''
  )
}
