/** Moves the focus to the first field of a form that says it is wrong: with the next frame, when the messages are there. */
export function focusInvalid(form: HTMLFormElement | null): void {
  requestAnimationFrame(() => {
    form?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  })
}
