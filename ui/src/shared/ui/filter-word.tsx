import { useState } from 'react'
import { Field } from './field'
import { Input } from './input'

/** A text filter of a list: taken over with Enter or when it is left, so that a list is not asked for each letter. */
export function FilterWord({
  label,
  value,
  placeholder,
  onTake,
  className,
}: {
  label: string
  /** As it stands in the address. */
  value: string | undefined
  placeholder?: string
  onTake: (text: string | undefined) => void
  className?: string
}) {
  const given = value ?? ''
  const [text, setText] = useState(given)
  const [known, setKnown] = useState(given)
  if (given !== known) {
    // Back, or a click in the list, changed the address.
    setKnown(given)
    setText(given)
  }
  const take = () => {
    if (text.trim() !== given) onTake(text.trim() || undefined)
  }
  return (
    <Field label={label} className={className}>
      {(control) => (
        <Input
          {...control}
          className="h-8 text-sm"
          autoComplete="off"
          spellCheck={false}
          placeholder={placeholder}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onBlur={take}
          onKeyDown={(event) => event.key === 'Enter' && take()}
        />
      )}
    </Field>
  )
}
