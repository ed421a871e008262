/** A chat is let in, learns who somebody is, is asked, and is let go. The chat is this test: it signs as Slack does. */
import { createHmac, randomBytes } from 'node:crypto'
import { expect, expectAccessible, test } from './page-health'

async function say(url: string, secret: string, text: string) {
  const body = new URLSearchParams({ team_id: 'T1', user_id: 'U1', text }).toString()
  const time = String(Math.floor(Date.now() / 1000))
  const signed = createHmac('sha256', secret).update(`v0:${time}:${body}`).digest('hex')
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': time,
      'x-slack-signature': `v0=${signed}`,
    },
    body,
  })
  const { text: said } = (await answer.json()) as { text?: string }
  return { status: answer.status, said: said ?? '' }
}

test('somebody links a chat, asks it, and unlinks it', async ({ page }) => {
  const secret = randomBytes(16).toString('hex')
  const name = `chat ${Date.now().toString(36)}`

  await page.goto('/alerts/channels/new?kind=slack')
  await page.getByLabel('Name', { exact: true }).fill(name)
  await page
    .getByLabel('Address of the incoming webhook')
    .fill('https://hooks.slack.com/services/T000/B000/XXXXXXXXXXXXXXXXXXXXXXXX')
  await page.getByRole('button', { name: 'Save channel' }).click()
  const back = page.getByRole('region', { name: 'Talking back' })
  await expect(back).toBeVisible()
  const url = (await back.getByRole('code').textContent()) ?? ''
  expect((await say(url, secret, 'help')).status).toBe(401)
  await back.getByLabel('Signing secret').fill(secret)
  await back.getByRole('button', { name: 'Keep' }).click()
  await expect(page.getByText('The chat can talk to us')).toBeVisible()
  await expectAccessible(page)
  expect((await say(url, secret, 'alerts')).said).toContain('I do not know who you are')

  await page.goto('/settings/security')
  await page.getByRole('button', { name: 'Make a code' }).click()
  const line = (await page.getByTestId('chat-code').textContent()) ?? ''
  expect(line).toMatch(/^\/chatops link \S+$/)
  await expectAccessible(page)
  const linked = await say(url, secret, line.replace('/chatops ', ''))
  expect(linked.said).toMatch(/^You are /)
  expect((await say(url, secret, 'status nothing of that name')).status).toBe(200)

  await page.reload()
  await page.getByRole('button', { name: 'Unlink A chat' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Unlink' }).click()
  await expect(page.getByText('Account unlinked')).toBeVisible()
  expect((await say(url, secret, 'alerts')).said).toContain('I do not know who you are')
})
