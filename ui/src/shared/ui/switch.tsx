import { type ComponentProps, type ReactNode, useId } from 'react'
import { cn } from '../lib/cn'

/** The switch itself, for places where the words stand elsewhere: a row of a table. */
export function SwitchBox({ className, checked, ...rest }: ComponentProps<'input'>) {
  return (
    <input
      type="checkbox"
      role="switch"
      aria-checked={checked}
      checked={checked}
      className={cn(
        "relative h-6 w-10 shrink-0 cursor-pointer appearance-none rounded-full bg-off transition-colors before:absolute before:top-0.5 before:left-0.5 before:size-5 before:rounded-full before:bg-white before:shadow-sm before:transition-transform before:content-[''] checked:bg-accent checked:before:translate-x-4 focus-visible:rounded-full",
        className,
      )}
      {...rest}
    />
  )
}

/** On or off, at once. A native checkbox underneath: keyboard and forms need nothing more. */
export function Switch({
  checked,
  onChange,
  label,
  hint,
}: {
  checked: boolean
  onChange: (checked: boolean) => void
  label: string
  hint?: ReactNode
}) {
  const id = useId()
  return (
    <div className="flex items-start justify-between gap-6">
      <div>
        <label htmlFor={id} className="block cursor-pointer font-medium">
          {label}
        </label>
        {hint ? (
          <p id={`${id}-hint`} className="text-ink-2 text-xs">
            {hint}
          </p>
        ) : null}
      </div>
      <SwitchBox
        id={id}
        aria-describedby={hint ? `${id}-hint` : undefined}
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
        className="mt-0.5"
      />
    </div>
  )
}
