/** Which of the app-wide overlays is open. They load when first wanted. */
import { create } from 'zustand'

interface Overlays {
  palette: boolean
  shortcuts: boolean
}

export const useOverlays = create<Overlays>(() => ({ palette: false, shortcuts: false }))

export const setPalette = (palette: boolean): void => useOverlays.setState({ palette })
export const setShortcuts = (shortcuts: boolean): void => useOverlays.setState({ shortcuts })
export const openShortcuts = (): void => setShortcuts(true)
