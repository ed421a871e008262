import type { Locator } from '@playwright/test'
import { expect } from './page-health'

/** Chooses the server of exactly this name in a picker of servers. */
export async function pickServer(form: Locator, name: string): Promise<void> {
  const box = form.getByRole('combobox', { name: 'Servers' })
  await box.fill(`name:"${name}"`)
  const list = form.getByRole('listbox', { name: 'Servers to choose from' })
  await list.getByText(name, { exact: true }).click()
  const chips = form.getByRole('list', { name: 'Chosen servers' })
  await expect(chips.getByText(name, { exact: true })).toBeVisible()
  // Closes the list, and neither what is chosen nor the dialog around it.
  await box.press('Escape')
  await expect(list).toBeHidden()
}
