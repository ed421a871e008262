import { legendValue, openOnlineServer } from './first-server'
import { expect, test } from './page-health'

test("this machine's CPU chart moves", async ({ page }) => {
  await openOnlineServer(page)
  await expect.poll(() => legendValue(page, 'CPU', 'user')).toMatch(/\d %/)
  const seen = new Set<string>()
  await expect
    .poll(
      async () => {
        const values = await Promise.all(
          ['user', 'system', 'iowait'].map((line) => legendValue(page, 'CPU', line)),
        )
        seen.add(values.join())
        return seen.size
      },
      { timeout: 45_000 },
    )
    .toBeGreaterThanOrEqual(3)
  // Not only words: the canvas has ink in the colours of the lines.
  const inked = await page
    .getByRole('figure', { name: 'CPU', exact: true })
    .locator('canvas')
    .evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? {
        data: [] as unknown as Uint8ClampedArray,
      }
      let colourful = 0
      for (let at = 0; at < data.length; at += 4) {
        const [r = 0, g = 0, b = 0, a = 0] = data.slice(at, at + 4)
        if (a > 40 && Math.max(r, g, b) - Math.min(r, g, b) > 40) colourful += 1
      }
      return colourful
    })
  expect(inked).toBeGreaterThan(50)
})

test('a connection that is lost is said at once, and comes back without a reload', async ({
  page,
  context,
  health,
}) => {
  await openOnlineServer(page)
  const connection = page.locator('[data-connection]')
  await expect(connection).toHaveText('Live')
  await expect.poll(() => legendValue(page, 'CPU', 'user')).toMatch(/\d %/)

  await context.setOffline(true)
  await expect(connection).toHaveText(/Reconnecting|Offline/)
  await expect(page.getByText(/last reading/)).toBeVisible()
  await expect(connection).toHaveText('Offline', { timeout: 30_000 })

  await context.setOffline(false)
  await expect(connection).toHaveText('Live', { timeout: 40_000 })
  await expect(page.getByText(/last reading/)).toBeHidden()
  const before = await legendValue(page, 'CPU', 'user')
  await expect.poll(() => legendValue(page, 'CPU', 'user'), { timeout: 30_000 }).not.toBe(before)
  // The browser notes every attempt that fails while there is no network.
  health.problems = health.problems.filter((problem) => !/WebSocket|ERR_INTERNET/.test(problem))
})

test('dragging zooms all charts through the address, Back returns, keys do the same', async ({
  page,
}) => {
  await openOnlineServer(page)
  const plot = page.getByRole('figure', { name: 'CPU', exact: true }).locator('.u-over')
  await expect(plot).toBeVisible()
  await expect.poll(() => legendValue(page, 'CPU', 'user')).toMatch(/\d %/)
  const box = await plot.boundingBox()
  if (!box) throw new Error('the plot has no place')

  await page.mouse.move(box.x + box.width * 0.4, box.y + 40)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.7, box.y + 60, { steps: 8 })
  await page.mouse.up()
  await expect(page).toHaveURL(/from=\d+&to=\d+/)
  await expect(page.getByRole('button', { name: 'Back to live' })).toBeVisible()
  await page.goBack()
  await expect(page).not.toHaveURL(/from=/)
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible()

  const slider = page.getByRole('slider', { name: 'CPU: time' })
  await slider.focus()
  await page.keyboard.press('End')
  await expect(slider).toHaveAttribute('aria-valuetext', /user .* %/)
  await page.keyboard.press('t')
  await page.keyboard.press('-')
  await expect(page).toHaveURL(/range=30m/)
})

test('a range can be chosen, typed and refused', async ({ page }) => {
  await openOnlineServer(page)
  const picker = page.getByRole('button', { name: /^Time range/ })
  await picker.click()
  await page.getByRole('button', { name: 'Last 24 hours' }).click()
  await expect(page).toHaveURL(/range=24h/)
  await expect(page.getByText(/averages|Every reading/)).toBeVisible()

  await picker.click()
  await page.getByLabel('Any other time').fill('half past never')
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  await expect(page.getByText('Not understood')).toBeVisible()
  await page.getByLabel('Any other time').fill('3h')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/range=3h/)
  await page.reload()
  await expect(page.getByRole('button', { name: 'Time range: Last 3h' })).toBeVisible()
})

test('the numbers of a chart are there as a table', async ({ page }) => {
  await openOnlineServer(page)
  await expect.poll(() => legendValue(page, 'Load', '1 min')).toMatch(/\d/)
  await page.getByRole('button', { name: 'Load: more' }).click()
  await page.getByRole('menuitem', { name: 'Show as table' }).click()
  const dialog = page.getByRole('dialog', { name: 'Load' })
  await expect(dialog.getByRole('columnheader', { name: '5 min', exact: true })).toBeVisible()
  await expect(dialog.getByRole('row').nth(1)).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(dialog).toBeHidden()
})

test('the tabs show processes and connections', async ({ page }) => {
  await openOnlineServer(page)
  await page.getByRole('link', { name: 'Processes' }).click()
  await expect(page.getByRole('heading', { name: 'By memory' })).toBeVisible()
  await page.getByRole('link', { name: 'Connections' }).click()
  await expect(page.getByRole('rowheader', { name: 'Connected' }).first()).toBeVisible()
})
