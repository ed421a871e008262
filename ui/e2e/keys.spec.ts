/** Keys of a server: with an end, and replaced without a gap. */
import { expect, expectAccessible, test } from './page-health'

test('a key ends by itself, is replaced while the old one works on, and both are told apart', async ({
  page,
}) => {
  const name = `keys ${Date.now()}`
  const made = await page.request.post('/api/v1/servers', {
    data: { name, tags: [] },
    headers: { 'X-ChatOps-CSRF': '1' },
  })
  const { id } = await made.json()
  await page.goto(`/servers/${id}/settings`)
  await expect(page.getByText('No key yet')).toBeVisible()
  await page.getByRole('button', { name: 'New key' }).click()
  const create = page.getByRole('dialog', { name: 'New API key' })
  await create.getByLabel('Name').fill('first')
  await create.getByLabel('Ends').selectOption({ label: 'in 30 days' })
  await expectAccessible(page)
  await create.getByRole('button', { name: 'Create key' }).click()
  const issued = page.getByTestId('issued-key')
  const old = (await issued.textContent()) ?? ''
  await page.getByRole('button', { name: 'I have saved it' }).click()
  const rows = page.getByRole('table', { name: 'API keys' }).getByRole('row')
  await expect(rows.filter({ hasText: 'first' })).toContainText(/ends in (29|30) d/)

  await page.getByRole('button', { name: 'Replace first' }).focus()
  await page.keyboard.press('Enter')
  const rotate = page.getByRole('dialog', { name: 'Replace the key first?' })
  await rotate.getByLabel('The old key works on for').selectOption({ label: 'an hour' })
  await expectAccessible(page)
  await rotate.getByRole('button', { name: 'Make the new key' }).click()
  const next = (await issued.textContent()) ?? ''
  expect(next).toMatch(/^chatops_/)
  expect(next).not.toBe(old)
  await expect(page.getByText('The old key works on and ends in 59 min')).toBeVisible()
  await page.getByRole('button', { name: 'I have saved it' }).click()
  await expect(rows.filter({ hasText: 'replaced, ends in' })).toHaveCount(1)
  await expect(page.getByRole('button', { name: 'Replace first' })).toHaveCount(1)

  // Both open the door until the old one ends.
  for (const key of [old, next]) {
    const who = await page.request.get('/api/v1/api-keys/me', { headers: { 'X-API-Key': key } })
    expect(who.status()).toBe(200)
  }
})
