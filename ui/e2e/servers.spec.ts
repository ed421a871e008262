import { expect, expectAccessible, test } from './page-health'

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

test('a view is saved under a name, opened by its link, and its removal undone', async ({
  page,
}) => {
  await page.goto('/servers?q=status%3Aonline&sort=-cpu')
  await page.getByRole('button', { name: 'Views' }).click()
  await page.getByRole('textbox', { name: 'Name of the view' }).fill('Busy ones')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('button', { name: 'Busy ones', exact: true })).toBeVisible()

  await page.goto('/servers')
  await page.getByRole('button', { name: 'Views' }).click()
  await page.getByRole('link', { name: /^Busy ones/ }).click()
  await expect(page).toHaveURL(/q=status%3Aonline&sort=-cpu|sort=-cpu&q=status%3Aonline/)

  await page.getByRole('button', { name: 'Busy ones', exact: true }).click()
  await page.getByRole('button', { name: 'Remove the view Busy ones' }).click()
  await expect(page.getByText('No saved views')).toBeVisible()
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect(page.getByRole('button', { name: 'Busy ones', exact: true })).toBeVisible()
})

test('servers are selected by keyboard and with Shift, tagged together, and the tags taken back', async ({
  page,
}) => {
  const mark = `sel-${Date.now()}`
  for (const end of ['a', 'b', 'c']) {
    const answer = await page.request.post('/api/v1/servers', {
      data: { name: `${mark}-${end}`, tags: [] },
      headers: { 'X-ChatOps-CSRF': '1' },
    })
    expect(answer.ok()).toBe(true)
  }
  await page.goto(`/servers?q=${mark}`)
  const box = (end: string) => page.getByRole('checkbox', { name: `Select ${mark}-${end}` })
  const bar = page.getByRole('region', { name: 'Selected servers' })
  await box('a').click()
  await expect(bar).toContainText('1 server selected')
  await box('c').click({ modifiers: ['Shift'] })
  await expect(bar).toContainText('3 servers selected')
  await expectAccessible(page)
  await page.keyboard.press('Escape')
  await expect(bar).toBeHidden()

  await page.getByRole('link', { name: `${mark}-a` }).focus()
  await page.keyboard.press('x')
  await page.keyboard.press('Shift+ArrowDown')
  await expect(bar).toContainText('2 servers selected')
  await bar.getByRole('button', { name: 'Change tags' }).click()
  const dialog = page.getByRole('dialog', { name: 'Change tags of 2 servers' })
  await dialog.getByLabel('Add').fill('blue, green')
  await expectAccessible(page)
  await dialog.getByRole('button', { name: 'Change 2 servers' }).click()
  await expect(dialog).toBeHidden()
  const tagged = page.getByRole('row').filter({ hasText: 'green' })
  await expect(tagged).toHaveCount(2)
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect(tagged).toHaveCount(0)

  await page.getByRole('checkbox', { name: 'Select all 3 servers' }).check()
  await expect(bar).toContainText('3 servers selected')
  await page.getByRole('searchbox').fill(`${mark}-a`)
  await expect(bar).toContainText('2 not shown')
})
