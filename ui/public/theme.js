// Runs before the first paint so that a dark screen never flashes white. It is a file of its own
// because the content security policy forbids inline scripts. `src/shared/lib/theme.ts` writes the
// same key and keeps the attribute right afterwards.
;(() => {
  let choice = 'system'
  try {
    choice = localStorage.getItem('chatops.theme') || 'system'
  } catch {
    // Storage may be blocked; the system's choice is a good answer then.
  }
  const dark =
    choice === 'dark' ||
    (choice !== 'light' && window.matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.theme = dark ? 'dark' : 'light'
  const meta = document.querySelector('meta[name="theme-color"]')
  if (meta) meta.setAttribute('content', dark ? '#14161c' : '#f8f9fb')
})()
