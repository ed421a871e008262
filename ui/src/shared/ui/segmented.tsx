import { type ReactNode, useId } from 'react'
import { cn } from '../lib/cn'

/** One choice out of few, all in sight. Arrow keys move the choice, as radio buttons do. */
export function Segmented<T extends string>({
  label,
  value,
  options,
  onChange,
  className,
}: {
  label: string
  value: T | null
  options: readonly { value: T; label: ReactNode; title?: string }[]
  onChange: (value: T) => void
  className?: string
}) {
  const name = useId()
  return (
    <fieldset className={cn('inline-flex items-center rounded-lg bg-hover p-0.5', className)}>
      <legend className="sr-only">{label}</legend>
      {options.map((option) => (
        <label
          key={option.value}
          title={option.title}
          className="relative grid h-7 min-w-9 cursor-pointer place-items-center rounded-md px-2.5 font-medium text-ink-2 text-xs hover:text-ink has-checked:bg-surface has-checked:text-ink has-checked:shadow-sm has-focus-visible:outline-2 has-focus-visible:outline-accent dark:has-checked:bg-line-strong touch:h-10"
        >
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={value === option.value}
            onChange={() => onChange(option.value)}
            className="absolute inset-0 cursor-pointer opacity-0"
          />
          <span className="tnum flex items-center gap-1.5">{option.label}</span>
        </label>
      ))}
    </fieldset>
  )
}
