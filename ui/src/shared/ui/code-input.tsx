import type { ComponentProps } from 'react'
import { cn } from '../lib/cn'
import { Input } from './input'

/** Six digits from an authenticator app. Pasted spaces and dashes do no harm. */
export function CodeInput({
  className,
  onCode,
  ...rest
}: Omit<ComponentProps<'input'>, 'onChange'> & { onCode: (code: string) => void }) {
  return (
    <Input
      {...rest}
      type="text"
      inputMode="numeric"
      autoComplete="one-time-code"
      spellCheck={false}
      placeholder="123456"
      className={cn('tnum font-mono tracking-[0.2em]', className)}
      onChange={(event) => onCode(event.target.value.replaceAll(/\D/g, '').slice(0, 6))}
    />
  )
}
