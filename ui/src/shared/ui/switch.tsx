import { Switch as Base } from '@base-ui/react/switch'
import type { ReactNode } from 'react'

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
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: Base UI's switch is a labelable control
    <label className="flex cursor-pointer items-start justify-between gap-6">
      <span>
        <span className="block font-medium">{label}</span>
        {hint ? <span className="block text-ink-2 text-xs">{hint}</span> : null}
      </span>
      <Base.Root
        checked={checked}
        onCheckedChange={onChange}
        aria-label={label}
        className="relative mt-0.5 h-6 w-10 shrink-0 rounded-full bg-off transition-colors data-checked:bg-accent"
      >
        <Base.Thumb className="block size-5 translate-x-0.5 rounded-full bg-white shadow-sm transition-transform data-checked:translate-x-[1.125rem]" />
      </Base.Root>
    </label>
  )
}
