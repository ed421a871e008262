/** Preferences of this browser that are not the theme. */
import { create } from 'zustand'
import { readJson, writeJson } from './storage'

export type Density = 'compact' | 'comfortable'

/** A filter, order and choice of columns of the servers list under a name. */
export interface SavedView {
  name: string
  q?: string
  sort?: string
  cols?: string
}

interface Prefs {
  /** Single-key shortcuts (`/`, `g s`, …); WCAG 2.1.4 wants them to be optional. */
  singleKeys: boolean
  density: Density
  /** Columns of the servers list in order; null: the usual ones. */
  columns: string[] | null
  /** Widths in px of columns that the user changed. */
  widths: Record<string, number>
  /** Saved views of the servers list, in the order they were saved. */
  views: SavedView[]
  /** Servers looked at last, newest first, for the sidebar and the palette. */
  recent: { id: string; name: string }[]
  /** Terminals also write what they show where screen readers find it. */
  screenReader: boolean
}

const DEFAULTS: Prefs = {
  singleKeys: true,
  density: 'compact',
  columns: null,
  widths: {},
  views: [],
  recent: [],
  screenReader: false,
}
const MOST_RECENT = 6
const MOST_VIEWS = 50

function isPartial(value: unknown): value is Partial<Prefs> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whatever an older version or a curious hand left in storage, the result is usable. */
export function sane(stored: Partial<Prefs> | null): Prefs {
  const { singleKeys, density, columns, widths, views, recent, screenReader } = stored ?? {}
  const isText = (value: unknown): value is string => typeof value === 'string'
  return {
    singleKeys: typeof singleKeys === 'boolean' ? singleKeys : DEFAULTS.singleKeys,
    screenReader: screenReader === true,
    density: density === 'comfortable' ? 'comfortable' : 'compact',
    columns: Array.isArray(columns) && columns.every(isText) ? columns : null,
    widths: Object.fromEntries(
      Object.entries(widths ?? {}).filter(([, width]) => Number.isFinite(width)),
    ),
    views: Array.isArray(views)
      ? views
          .filter((view) => isText(view?.name) && view.name !== '')
          .slice(0, MOST_VIEWS)
          .map(({ name, q, sort, cols }) => ({
            name,
            q: isText(q) ? q : undefined,
            sort: isText(sort) ? sort : undefined,
            cols: isText(cols) ? cols : undefined,
          }))
      : [],
    recent: Array.isArray(recent)
      ? recent.filter((entry) => isText(entry?.id) && isText(entry?.name)).slice(0, MOST_RECENT)
      : [],
  }
}

export const usePrefs = create<Prefs>(() => sane(readJson('prefs', isPartial)))

export function setPrefs(change: Partial<Prefs>): void {
  usePrefs.setState(change)
  writeJson('prefs', usePrefs.getState())
}

export function rememberServer(id: string, name: string): void {
  const others = usePrefs.getState().recent.filter((entry) => entry.id !== id)
  setPrefs({ recent: [{ id, name }, ...others].slice(0, MOST_RECENT) })
}

export function forgetServer(id: string): void {
  setPrefs({ recent: usePrefs.getState().recent.filter((entry) => entry.id !== id) })
}

/** Keeps a view; one of the same name is replaced where it stands. */
export function saveView(view: SavedView): void {
  const { views } = usePrefs.getState()
  const known = views.some((other) => other.name === view.name)
  setPrefs({
    views: known
      ? views.map((other) => (other.name === view.name ? view : other))
      : [...views, view].slice(-MOST_VIEWS),
  })
}
