/**
 * Copies text. Plain http pages off localhost have no clipboard API, so a selected, invisible text
 * area is the second way; it also works inside dialogs because it is put beside the focus.
 */
export async function copyText(text: string): Promise<boolean> {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text)
      return true
    }
  } catch {
    // Permission refused: the older way below needs none.
  }
  const focused = document.activeElement
  const area = document.createElement('textarea')
  area.value = text
  area.setAttribute('aria-hidden', 'true')
  area.style.position = 'fixed'
  area.style.opacity = '0'
  const host = focused?.parentElement ?? document.body
  host.append(area)
  area.select()
  let done = false
  try {
    done = document.execCommand('copy')
  } catch {
    done = false
  }
  area.remove()
  if (focused instanceof HTMLElement) focused.focus()
  return done
}
