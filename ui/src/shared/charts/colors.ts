/** Colours for the canvas, read from the CSS tokens so that charts follow the theme. */
import type { ResolvedTheme } from '../lib/theme'

export interface ChartColors {
  series: string[]
  text: string
  grid: string
  line: string
  surface: string
  accent: string
  ok: string
  warn: string
  bad: string
  off: string
}

const SERIES = 8

/** The colours of `theme`, which has to be the one that the page shows at this moment. */
export function readColors(theme: ResolvedTheme): ChartColors {
  const root = document.querySelector(`[data-theme="${theme}"]`) ?? document.documentElement
  const style = getComputedStyle(root)
  const read = (name: string) => style.getPropertyValue(name).trim()
  return {
    series: Array.from({ length: SERIES }, (_, index) => read(`--s${index + 1}`)),
    text: read('--ink-3'),
    grid: read('--grid'),
    line: read('--line-strong'),
    surface: read('--surface'),
    accent: read('--accent'),
    ok: read('--ok'),
    warn: read('--warn-mark'),
    bad: read('--bad'),
    off: read('--off'),
  }
}

export function seriesColor(colors: ChartColors, index: number): string {
  return colors.series[index % SERIES] ?? colors.accent
}

/** The class of a legend mark: the same colour as the line, without a canvas. */
export const SERIES_VARS = Array.from({ length: SERIES }, (_, index) => `var(--s${index + 1})`)

export function faded(color: string, alpha: number): string {
  return `color-mix(in oklab, ${color} ${Math.round(alpha * 100)}%, transparent)`
}
