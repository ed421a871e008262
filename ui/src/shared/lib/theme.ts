/**
 * Light, dark or the system's choice. `public/theme.js` does the same before the first paint.
 * Charts read their colours from CSS and listen to `useResolvedTheme` to draw anew.
 */
import { create } from 'zustand'
import { readText, writeText } from './storage'

export type ThemeChoice = 'light' | 'dark' | 'system'
export type ResolvedTheme = 'light' | 'dark'

interface ThemeState {
  choice: ThemeChoice
  resolved: ResolvedTheme
}

const darkQuery = window.matchMedia('(prefers-color-scheme: dark)')

function isChoice(value: string | null): value is ThemeChoice {
  return value === 'light' || value === 'dark' || value === 'system'
}

function resolve(choice: ThemeChoice): ResolvedTheme {
  if (choice === 'system') return darkQuery.matches ? 'dark' : 'light'
  return choice
}

function initial(): ThemeState {
  const stored = readText('theme')
  const choice = isChoice(stored) ? stored : 'system'
  return { choice, resolved: resolve(choice) }
}

const useTheme = create<ThemeState>(initial)

function apply(choice: ThemeChoice): void {
  const resolved = resolve(choice)
  document.documentElement.dataset.theme = resolved
  document
    .querySelector('meta[name="theme-color"]')
    ?.setAttribute('content', resolved === 'dark' ? '#14161c' : '#f8f9fb')
  useTheme.setState({ choice, resolved })
}

export function setTheme(choice: ThemeChoice): void {
  writeText('theme', choice)
  apply(choice)
}

export const useThemeChoice = (): ThemeChoice => useTheme((state) => state.choice)
export const useResolvedTheme = (): ResolvedTheme => useTheme((state) => state.resolved)

/** Follows the operating system and other tabs for as long as the page lives. */
export function watchTheme(): void {
  darkQuery.addEventListener('change', () => apply(useTheme.getState().choice))
  window.addEventListener('storage', (event) => {
    if (event.key === 'chatops.theme' && isChoice(event.newValue)) apply(event.newValue)
  })
}
