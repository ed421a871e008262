import { expect, test } from './page-health'

test('the list filters by text, keeps it in the address, and Back returns', async ({ page }) => {
  await page.goto('/servers')
  const table = page.getByRole('table', { name: 'Servers' })
  await expect(table.getByRole('link').first()).toBeVisible()

  await page.keyboard.press('/')
  await expect(page.getByRole('searchbox', { name: 'Filter servers' })).toBeFocused()
  await page.keyboard.type('cpu>1000')
  await expect(page.getByRole('heading', { name: 'No server matches' })).toBeVisible()
  await expect(page).toHaveURL(/q=cpu/)
  await page.reload()
  await expect(page.getByRole('heading', { name: 'No server matches' })).toBeVisible()
  await page.getByRole('button', { name: 'Clear the filter' }).last().click()
  await expect(table.getByRole('link').first()).toBeVisible()

  await page.getByRole('searchbox').fill('colour:red')
  await expect(page.getByText('is not a field')).toBeVisible()
  await page.getByRole('searchbox').fill('')

  await page.getByRole('button', { name: 'CPU' }).click()
  await expect(page).toHaveURL(/sort=-cpu/)
  await page.goBack()
  await expect(page).not.toHaveURL(/sort=/)
})

test('figures of the list move by themselves', async ({ page }) => {
  await page.goto('/servers?q=status%3Aonline')
  const row = page.getByRole('row').nth(1)
  await expect(row.getByRole('link')).toBeVisible()
  const before = await row.textContent()
  await expect.poll(() => row.textContent(), { timeout: 30_000 }).not.toBe(before)
})

test('arrow keys walk the list and Enter opens a server; links open tabs', async ({
  page,
  context,
}) => {
  await page.goto('/servers')
  const first = page.getByRole('table', { name: 'Servers' }).getByRole('link').first()
  await expect(first).toBeVisible()
  await page.keyboard.press('ArrowDown')
  await expect(first).toBeFocused()

  const opened = context.waitForEvent('page')
  await first.click({ modifiers: ['ControlOrMeta'] })
  await (await opened).close()
  await expect(page).toHaveURL(/\/servers$/)

  await first.focus()
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/\/servers\/.+/)
})

test('columns are resized by keyboard and by dragging, and keep their width', async ({ page }) => {
  await page.goto('/servers')
  const title = page.getByRole('columnheader', { name: 'Name' })
  const width = async () => Math.round((await title.boundingBox())?.width ?? 0)
  await expect(page.getByRole('table', { name: 'Servers' }).getByRole('link').first()).toBeVisible()
  const before = await width()
  await title.getByRole('button').focus()
  await page.keyboard.press('Alt+ArrowLeft')
  await expect.poll(width).toBe(before - 12)
  await page.reload()
  await expect(title).toBeVisible()
  expect(await width()).toBe(before - 12)

  const box = await title.boundingBox()
  if (!box) throw new Error('the title has no place')
  await page.mouse.move(box.x + box.width + 4, box.y + 6)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width - 56, box.y + 6, { steps: 4 })
  await page.mouse.up()
  await expect.poll(width).toBe(before - 12 - 60)
  await page.mouse.dblclick(box.x + box.width - 56, box.y + 6)
  await expect.poll(width).toBe(before)
})
