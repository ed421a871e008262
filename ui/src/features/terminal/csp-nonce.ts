/**
 * The terminal library adds `<style>` elements, which the page's policy only lets in with the
 * number of this response. Called before the library runs.
 */
let prepared = false

export function allowOwnStyles(): void {
  if (prepared) return
  prepared = true
  const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce
  if (!nonce) return
  const create = document.createElement.bind(document)
  document.createElement = ((name: string, options?: ElementCreationOptions) => {
    const element = create(name, options)
    if (name === 'style') element.nonce = nonce
    return element
  }) as typeof document.createElement
}
