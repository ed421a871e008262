/** The colours of terminals, from the page's own; resolved, because a canvas knows no variables. */
import type { ITheme } from '@xterm/xterm'

function rgb(variable: string): string {
  const probe = document.createElement('canvas').getContext('2d')
  const value = getComputedStyle(document.documentElement).getPropertyValue(variable).trim()
  if (!probe) return value
  probe.fillStyle = value
  probe.fillRect(0, 0, 1, 1)
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data
  return `rgb(${r}, ${g}, ${b})`
}

const DARK = {
  black: '#2b303b',
  red: '#f2777a',
  green: '#8fd694',
  yellow: '#e8c46a',
  blue: '#7aa6f5',
  magenta: '#d19af0',
  cyan: '#6fd0d8',
  white: '#d5d8df',
  brightBlack: '#8a91a0',
  brightRed: '#ff9a9c',
  brightGreen: '#aeeab2',
  brightYellow: '#f7db94',
  brightBlue: '#a3c3ff',
  brightMagenta: '#e3bcfb',
  brightCyan: '#9ae4ea',
  brightWhite: '#ffffff',
}

const LIGHT = {
  black: '#1f2430',
  red: '#b3261e',
  green: '#1f7a3a',
  yellow: '#8a5a00',
  blue: '#2456b8',
  magenta: '#8a2a9c',
  cyan: '#0b6f7c',
  white: '#5a6170',
  brightBlack: '#5f6675',
  brightRed: '#9c1f18',
  brightGreen: '#17652f',
  brightYellow: '#6f4800',
  brightBlue: '#1c479a',
  brightMagenta: '#722183',
  brightCyan: '#085c67',
  brightWhite: '#1f2430',
}

export function terminalTheme(): ITheme {
  const dark = document.documentElement.dataset.theme === 'dark'
  return {
    ...(dark ? DARK : LIGHT),
    background: rgb('--sunken'),
    foreground: rgb('--ink'),
    cursor: rgb('--accent'),
    cursorAccent: rgb('--sunken'),
    selectionBackground: dark ? 'rgba(122, 166, 245, 0.35)' : 'rgba(36, 86, 184, 0.22)',
  }
}
