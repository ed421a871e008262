/** Hands the browser a file made here. */
export function download(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name.replaceAll(/[/\\:*?"<>|]+/g, '-')
  link.click()
  // The download has begun synchronously; the address is not needed any more after this turn.
  setTimeout(() => URL.revokeObjectURL(url), 0)
}
