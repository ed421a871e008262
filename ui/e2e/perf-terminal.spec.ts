/**
 * From a key to its echo in a real browser: keydown in the page, socket, server, bus, agent, the kernel's terminal, and
 * back until the page has the bytes; then until they are on the screen, which waits for the next frame.
 */
import { expect, test } from './page-health'
import { agentIsThere, noAgent, startAgent } from './real-agent'

const KEYS = 300
const WARM_UP = 30

interface Echo {
  typed: number[]
  came: number[]
  shown: number[]
}

const quantile = (values: number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

test('a key in the terminal is echoed within 5 ms', async ({ page }, info) => {
  test.skip(!agentIsThere, noAgent)
  test.setTimeout(180_000)
  const note = (what: string, value: number) => {
    const text = `${what}: ${value.toFixed(2)}`
    info.annotations.push({ type: 'measured', description: text })
    console.log(`    ${text}`)
  }
  await page.addInitScript(() => {
    const echo: Echo = { typed: [], came: [], shown: [] }
    ;(window as unknown as { echo: Echo }).echo = echo
    document.addEventListener('keydown', () => echo.typed.push(performance.now()), true)
    const Plain = window.WebSocket
    window.WebSocket = class extends Plain {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols)
        this.addEventListener('message', ({ data }) => {
          if (typeof data !== 'string' && echo.came.length < echo.typed.length) {
            echo.came.push(performance.now())
          }
        })
      }
    }
  })
  const agent = await startAgent(page)
  try {
    agent.type('grant', 'terminal', '10m')
    await page
      .getByRole('navigation', { name: 'Server' })
      .getByRole('link', { name: 'Terminal' })
      .click()
    const screen = page.getByRole('group', { name: `Terminal of ${agent.name}` })
    const rows = screen.locator('.xterm-rows')
    await expect(page).toHaveURL(/session=/)
    await screen.click()
    // The plainest shell: the kernel echoes.
    await page.keyboard.type('exec /bin/sh\n')
    await page.keyboard.type('echo rea""dy\n')
    await expect(rows).toContainText('ready')
    await page.evaluate(() => {
      const { echo } = window as unknown as { echo: Echo }
      const shown = document.querySelector('.xterm-rows')
      if (!shown) throw new Error('there is no screen')
      new MutationObserver(() => {
        if (echo.shown.length < echo.typed.length) echo.shown.push(performance.now())
      }).observe(shown, { childList: true, subtree: true, characterData: true, attributes: true })
      echo.typed.length = 0
      echo.came.length = 0
      echo.shown.length = 0
    })
    for (let key = 0; key < WARM_UP + KEYS; key += 1) {
      await page.keyboard.press(key % 2 ? 'Backspace' : 'x')
      // One at a time: the next key waits for the echo of this one.
      await page.waitForFunction((count) => {
        const { echo } = window as unknown as { echo: Echo }
        return echo.came.length >= count && echo.shown.length >= count
      }, key + 1)
    }
    const echo = await page.evaluate(() => (window as unknown as { echo: Echo }).echo)
    const since = (moments: number[]) =>
      moments.slice(WARM_UP).map((moment, index) => moment - (echo.typed[WARM_UP + index] ?? 0))
    const came = since(echo.came)
    note('key to echo in the page, ms at the median', quantile(came, 0.5))
    note('key to echo in the page, ms at the 99th', quantile(came, 0.99))
    note('key to screen, ms at the median', quantile(since(echo.shown), 0.5))
    expect(quantile(came, 0.5), 'key to echo, ms at the median').toBeLessThanOrEqual(5)
  } finally {
    agent.stop()
  }
})
