/** Invitations, accounts, teams and sharing: the owner lets somebody in, who then sees what is shared. */
import type { Browser, Page } from '@playwright/test'
import { expect, expectAccessible, test } from './page-health'

const PASSWORD = 'seven slow boats on a green canal'
const WRITE = { 'X-ChatOps-CSRF': '1' }

async function inviteLink(page: Page, role: string): Promise<string> {
  await page.goto('/people/invitations')
  await page.getByRole('radio', { name: 'By invitation' }).check()
  await expect(page.getByRole('button', { name: 'Invite somebody' })).toBeEnabled()
  await page.getByRole('button', { name: 'Invite somebody' }).click()
  const dialog = page.getByRole('dialog', { name: 'Invite somebody' })
  await dialog.getByLabel('Role').selectOption({ label: role })
  await expectAccessible(page)
  await dialog.getByRole('button', { name: 'Make the link' }).click()
  const link = (await page.getByTestId('invitation-link').textContent()) ?? ''
  await page.getByRole('button', { name: 'Done' }).click()
  return link
}

async function join(browser: Browser, link: string, username: string): Promise<Page> {
  const context = await browser.newContext({ storageState: { cookies: [], origins: [] } })
  const page = await context.newPage()
  await page.goto(link)
  await expect(page.getByRole('heading', { name: 'You are invited' })).toBeVisible()
  expect(page.url()).not.toContain('invitation=')
  await expectAccessible(page)
  await page.getByLabel('User name').fill(username)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'Servers', exact: true })).toBeVisible()
  return page
}

test('somebody is invited, joins a team, sees what is shared, and loses it all at once', async ({
  page,
  browser,
  health,
}) => {
  test.setTimeout(90_000)
  const mark = Date.now().toString(36)
  const ann = `ann-${mark}`
  const made = await page.request.post('/api/v1/servers', {
    data: { name: `shared-${mark}`, tags: [`tag-${mark}`] },
    headers: WRITE,
  })
  const server = await made.json()

  const link = await inviteLink(page, 'Viewer')
  const annPage = await join(browser, link, ann)
  await expect(annPage.getByRole('heading', { name: 'No servers yet' })).toBeVisible()

  // A team, ann in it, and a server shared with the team.
  await page.goto('/people/teams')
  await page.getByRole('button', { name: 'New team' }).click()
  const naming = page.getByRole('dialog', { name: 'New team' })
  await expect(naming.getByLabel('Name')).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(naming.getByText('Give it a name')).toBeVisible()
  await page.keyboard.type(`team ${mark}`)
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: `Members of team ${mark}` }).click()
  const members = page.getByRole('dialog', { name: `Members of team ${mark}` })
  await members.getByLabel('Add somebody').selectOption({ label: ann })
  await members.getByRole('button', { name: 'Add' }).click()
  await expect(members.getByRole('listitem').filter({ hasText: ann })).toBeVisible()
  await expectAccessible(page)
  await members.getByRole('button', { name: 'Done' }).click()

  await page.goto(`/servers/${server.id}/access`)
  await expect(page.getByText('your role reaches every server')).toBeVisible()
  await page.getByRole('button', { name: 'Share this server' }).click()
  const share = page.getByRole('dialog', { name: `Share shared-${mark}` })
  await share.getByLabel('User name').fill('nobody-at-all')
  await share.getByRole('button', { name: 'Share' }).click()
  await expect(share.getByText('Nobody has this user name')).toBeVisible()
  await share.getByRole('radio', { name: 'A team' }).check()
  await share.getByLabel('Team', { exact: true }).selectOption({ label: `team ${mark}` })
  await expectAccessible(page)
  await share.getByRole('button', { name: 'Share' }).click()
  const row = page.getByRole('table', { name: 'Access' }).getByRole('row').filter({ hasText: ann })
  await expect(row).toContainText(`shared with team team ${mark}`)
  await expect(row).toContainText('View')

  // Without a reload, in the window that ann has open.
  await expect(
    annPage.getByRole('table').getByRole('link', { name: `shared-${mark}` }),
  ).toBeVisible()
  await annPage.goto(`/servers/${server.id}/access`)
  await expect(annPage.getByText('it is shared with you')).toBeVisible()
  await expect(annPage.getByRole('button', { name: 'Share this server' })).toHaveCount(0)
  await annPage.goto('/servers')
  await expect(
    annPage.getByRole('table').getByRole('link', { name: `shared-${mark}` }),
  ).toBeVisible()

  await page.goto('/people/sharing')
  const grant = page.getByRole('row').filter({ hasText: `shared-${mark}` })
  await grant.getByRole('button', { name: /^Stop sharing/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Stop sharing' }).click()
  await expect(grant).toHaveCount(0)
  await expect(
    annPage.getByRole('table').getByRole('link', { name: `shared-${mark}` }),
  ).toHaveCount(0)

  // The role, then the end of the account, asked for by name.
  await page.goto(`/people?q=${ann}`)
  const account = page.getByRole('row').filter({ hasText: ann })
  await account.getByLabel(`Role of ${ann}`).selectOption({ label: 'Operator' })
  const promote = page.getByRole('dialog', { name: `Make ${ann} operator?` })
  await expectAccessible(page)
  await promote.getByRole('button', { name: `Make ${ann} operator` }).click()
  await expect(account.getByLabel(`Role of ${ann}`)).toHaveValue('operator')
  await account.getByRole('button', { name: `Deactivate ${ann}` }).click()
  await page
    .getByRole('dialog')
    .getByRole('button', { name: `Deactivate ${ann}` })
    .click()
  await expect(account).toContainText('Deactivated')
  await expect(annPage.getByRole('dialog', { name: 'Your session has ended' })).toBeVisible()
  await account.getByRole('button', { name: `Reactivate ${ann}` }).click()
  await page
    .getByRole('dialog')
    .getByRole('button', { name: `Reactivate ${ann}` })
    .click()
  await expect(account).not.toContainText('Deactivated')
  await annPage.context().close()

  await page.goto('/people/teams')
  await page.getByRole('button', { name: `Delete team ${mark}` }).click()
  const deleting = page.getByRole('dialog')
  await deleting.getByRole('textbox').fill(`team ${mark}`)
  await deleting.getByRole('button', { name: `Delete team ${mark}` }).click()
  await expect(page.getByRole('button', { name: `Delete team ${mark}` })).toHaveCount(0)
  health.problems = health.problems.filter((problem) => !/404/.test(problem))
})

test('a revoked link says what to do, and who may not manage people is told so', async ({
  page,
  browser,
}) => {
  test.setTimeout(60_000)
  const link = await inviteLink(page, 'Viewer')
  await page.getByRole('button', { name: 'Revoke' }).first().click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke invitation' }).click()
  await expect(page.getByText('Invitation revoked')).toBeVisible()
  const context = await browser.newContext({ storageState: { cookies: [], origins: [] } })
  const guest = await context.newPage()
  await guest.goto(link)
  await expect(guest.getByText('Ask whoever sent it')).toBeVisible()
  await expectAccessible(guest)

  const fresh = await inviteLink(page, 'Viewer')
  await guest.goto('about:blank')
  await context.close()
  const viewer = await join(browser, fresh, `viewer-${Date.now().toString(36)}`)
  const navigation = viewer.getByRole('navigation', { name: 'Main' })
  await expect(navigation.getByRole('link', { name: 'Servers' })).toBeVisible()
  await expect(navigation.getByRole('link', { name: 'People' })).toHaveCount(0)
  await viewer.goto('/people')
  await expect(viewer.getByText('Owners and admins manage people')).toBeVisible()
  await expectAccessible(viewer)
  await viewer.context().close()
})
