/** Every page in both themes: axe, no sideways scroll at 390 px and at 400 % zoom, keyboard entry. */
import { openOnlineServer } from './first-server'
import { expect, expectAccessible, expectNoSideways, test, withTheme } from './page-health'

const SERVER_TABS = [
  '',
  '/processes',
  '/processes?view=all',
  '/services',
  '/containers',
  '/commands',
  '/logs',
  '/terminal',
  '/connections',
  '/access',
  '/settings',
]
const PAGES = [
  '/servers',
  '/servers?q=nothing-is-called-this',
  '/servers/new',
  '/alerts',
  '/alerts?state=resolved',
  '/alerts?text=nothing-is-called-this',
  '/alerts/rules',
  '/alerts/rules/new',
  '/alerts/silences',
  '/alerts/channels',
  '/alerts/channels/new',
  '/commands',
  '/jobs',
  '/scripts',
  '/scripts/new',
  '/schedules',
  '/schedules/new',
  '/logs',
  '/people',
  '/audit',
  '/people/teams',
  '/people/sharing',
  '/people/invitations',
  '/settings',
  '/settings/security',
  '/settings/sessions',
  '/settings/tokens',
  '/settings/keys',
  '/settings/system',
  '/nowhere',
]

for (const theme of ['light', 'dark'] as const) {
  test(`every page is accessible in the ${theme} theme`, async ({ page, health }) => {
    test.setTimeout(180_000)
    await openOnlineServer(page)
    const server = new URL(page.url()).pathname
    await withTheme(page, theme)
    for (const path of [
      ...PAGES,
      ...SERVER_TABS.map((tab) => `${server}${tab}`),
      `${server}/connect`,
    ]) {
      await test.step(path, async () => {
        await page.goto(path)
        await expect(page.locator('main :is(h1, h2)').first()).toBeVisible()
        await expect(page.locator('[data-connection]')).toHaveText('Live')
        await expectAccessible(page)
      })
    }
    await test.step('open overlays', async () => {
      await page.goto(server)
      await expect(page.getByRole('figure', { name: 'CPU', exact: true })).toBeVisible()
      await page.getByRole('button', { name: /^Time range/ }).click()
      await expect(page.getByLabel('Any other time')).toBeVisible()
      await expectAccessible(page)
      await page.keyboard.press('Escape')
      await page.keyboard.press('ControlOrMeta+k')
      await expect(page.getByRole('combobox')).toBeFocused()
      await expectAccessible(page)
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: /^Account/ }).click()
      await expect(page.getByRole('menuitemradio', { name: 'Dark' })).toBeVisible()
      await expectAccessible(page)
    })
    forgiveRefusals(health)
  })
}

test('no page scrolls sideways at 390 px or at 400 % zoom', async ({ page, health }) => {
  test.setTimeout(120_000)
  await openOnlineServer(page)
  const server = new URL(page.url()).pathname
  for (const size of [
    { width: 390, height: 844 },
    // 1280 by 1024 at 400 %.
    { width: 320, height: 256 },
  ]) {
    await page.setViewportSize(size)
    for (const path of [
      ...PAGES,
      ...SERVER_TABS.map((tab) => `${server}${tab}`),
      `${server}/connect`,
    ]) {
      await test.step(`${path} at ${size.width}`, async () => {
        await page.goto(path)
        await expect(page.locator('main :is(h1, h2)').first()).toBeVisible()
        await expectNoSideways(page)
      })
    }
  }
  forgiveRefusals(health)
})

/** The host of the tests may have no systemd and no container engine; the browser calls its refusals failures. */
function forgiveRefusals(health: { problems: string[] }) {
  health.problems = health.problems.filter((problem) => !problem.includes('status of 409'))
}

test('the navigation becomes a drawer on narrow screens', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 })
  await page.goto('/servers')
  await page.getByRole('button', { name: 'Open navigation' }).click()
  const drawer = page.getByRole('dialog', { name: 'Navigation' })
  await drawer.getByRole('link', { name: 'Settings' }).click()
  await expect(page).toHaveURL(/\/settings$/)
  await expect(drawer).toBeHidden()
})

test('the first Tab skips to the content', async ({ page }) => {
  await page.goto('/settings')
  await expect(page.getByRole('heading', { name: 'Profile' })).toBeVisible()
  await page.keyboard.press('Tab')
  const skip = page.getByRole('link', { name: 'Skip to content' })
  await expect(skip).toBeFocused()
  await expect(skip).toBeInViewport()
  await page.keyboard.press('Enter')
  await expect(page.locator('#content')).toBeFocused()
})
