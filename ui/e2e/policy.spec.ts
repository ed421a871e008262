import { openOnlineServer } from './first-server'
import { expect, test } from './page-health'

test('the page comes with a policy that forbids inline scripts and styles', async ({ page }) => {
  const response = await page.goto('/servers')
  const policy = response?.headers()['content-security-policy'] ?? ''
  expect(policy).toContain("default-src 'self'")
  expect(policy).not.toContain('unsafe')
  // Any violation on the way is a console error, which fails the test.
  await openOnlineServer(page)
  await page.getByRole('button', { name: /^Time range/ }).click()
  await expect(page.getByLabel('Any other time')).toBeVisible()
})

test('nothing shifts while a server page loads, on wide and narrow screens', async ({ page }) => {
  await page.addInitScript(() => {
    const store = window as unknown as { shifted: number }
    store.shifted = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as unknown as {
        value: number
        hadRecentInput: boolean
      }[]) {
        if (!entry.hadRecentInput) store.shifted += entry.value
      }
    }).observe({ type: 'layout-shift', buffered: true })
  })
  await openOnlineServer(page)
  const path = new URL(page.url()).pathname
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: 900 })
    await page.goto(path)
    await expect(page.getByRole('figure', { name: 'CPU', exact: true })).toBeVisible()
    await expect(page.getByText(/averages|Every reading/)).toBeVisible()
    const shifted = await page.evaluate(() => (window as unknown as { shifted: number }).shifted)
    expect(shifted, `at ${width} px`).toBeLessThanOrEqual(0.05)
  }
})
