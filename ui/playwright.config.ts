import { defineConfig } from '@playwright/test'

/**
 * End-to-end tests against a running `chatops`, never a stand-in. `CHATOPS_E2E_URL` says where it
 * is; `CHATOPS_E2E_SETUP_TOKEN` lets the first test create the owner on a fresh installation.
 */
export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  fullyParallel: false,
  // One installation with one owner: the tests share it, so they run one after the other.
  workers: 1,
  // Only a limit: a slow machine needs more than half of it for the longest of them.
  timeout: 120_000,
  // A second try names a flaky test instead of hiding it: it is listed as such.
  retries: process.env.CI ? 1 : 0,
  expect: { timeout: 15_000 },
  reporter: [['list']],
  use: {
    baseURL: process.env.CHATOPS_E2E_URL ?? 'http://127.0.0.1:8080',
    trace: 'retain-on-failure',
    viewport: { width: 1440, height: 900 },
    launchOptions: {
      executablePath: process.env.CHATOPS_E2E_CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  projects: [
    { name: 'sign-in', testMatch: 'sign-in.setup.ts' },
    {
      name: 'app',
      testMatch: '*.spec.ts',
      testIgnore: 'perf*.spec.ts',
      dependencies: ['sign-in'],
      use: { storageState: 'test-results/.auth/owner.json' },
    },
    {
      // By itself, on a quiet machine: it fills the installation with servers and measures time.
      name: 'perf',
      testMatch: 'perf*.spec.ts',
      dependencies: ['sign-in'],
      // Recording a trace copies the page at every step, which costs more than what is measured.
      use: { storageState: 'test-results/.auth/owner.json', trace: 'off' },
    },
  ],
})
