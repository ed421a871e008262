import { Eye, EyeOff } from 'lucide-react'
import { type ComponentProps, type KeyboardEvent, useState } from 'react'
import { Input } from './input'

/** A password field that can show what was typed and warns about caps lock. Pasting is welcome. */
export function PasswordInput({ onKeyUp, onBlur, ...rest }: ComponentProps<'input'>) {
  const [visible, setVisible] = useState(false)
  const [capsLock, setCapsLock] = useState(false)
  const Icon = visible ? EyeOff : Eye
  return (
    <div>
      <div className="relative">
        <Input
          {...rest}
          type={visible ? 'text' : 'password'}
          autoCapitalize="none"
          spellCheck={false}
          className="pr-11"
          onKeyUp={(event: KeyboardEvent<HTMLInputElement>) => {
            setCapsLock(event.getModifierState('CapsLock'))
            onKeyUp?.(event)
          }}
          onBlur={(event) => {
            setCapsLock(false)
            onBlur?.(event)
          }}
        />
        <button
          type="button"
          aria-label={visible ? 'Hide the password' : 'Show the password'}
          aria-pressed={visible}
          onClick={() => setVisible(!visible)}
          className="absolute inset-y-0 right-0 grid w-10 place-items-center rounded-md text-ink-3 hover:text-ink touch:w-11"
        >
          <Icon className="size-4" aria-hidden="true" />
        </button>
      </div>
      <p role="status" className="text-warn text-xs empty:hidden">
        {capsLock ? 'Caps lock is on' : ''}
      </p>
    </div>
  )
}
