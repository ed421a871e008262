import { Menu as Base } from '@base-ui/react/menu'
import { Check } from 'lucide-react'
import type { ReactElement, ReactNode } from 'react'
import { cn } from '../lib/cn'

const item =
  'flex min-h-8 cursor-default select-none items-center gap-2 rounded-md px-2 py-1 text-ink outline-none data-disabled:opacity-50 data-highlighted:bg-hover [&_svg]:size-4 [&_svg]:shrink-0 touch:min-h-11'

export function Menu({
  trigger,
  children,
  align = 'end',
  className,
}: {
  trigger: ReactElement
  children: ReactNode
  align?: 'start' | 'center' | 'end'
  className?: string
}) {
  return (
    <Base.Root modal={false}>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner sideOffset={6} align={align} className="z-50">
          <Base.Popup
            className={cn(
              'max-h-[min(70dvh,var(--available-height))] min-w-44 animate-rise overflow-y-auto rounded-lg border border-line bg-surface p-1 shadow-float outline-none',
              className,
            )}
          >
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  )
}

export function MenuItem({
  onSelect,
  danger = false,
  icon,
  hint,
  disabled,
  children,
}: {
  onSelect: () => void
  danger?: boolean
  icon?: ReactNode
  hint?: ReactNode
  disabled?: boolean
  children: ReactNode
}) {
  return (
    <Base.Item className={cn(item, danger && 'text-bad')} onClick={onSelect} disabled={disabled}>
      {icon}
      <span className="flex-1">{children}</span>
      {hint ? <span className="text-ink-3 text-xs">{hint}</span> : null}
    </Base.Item>
  )
}

export function MenuLink({ render, children }: { render: ReactElement; children: ReactNode }) {
  return (
    <Base.LinkItem className={item} render={render} closeOnClick>
      {children}
    </Base.LinkItem>
  )
}

export function MenuCheck({
  checked,
  onChange,
  disabled,
  children,
}: {
  checked: boolean
  onChange: (checked: boolean) => void
  disabled?: boolean
  children: ReactNode
}) {
  return (
    <Base.CheckboxItem
      className={item}
      checked={checked}
      onCheckedChange={onChange}
      disabled={disabled}
      closeOnClick={false}
    >
      <span className="grid size-4 place-items-center rounded-[4px] border border-line-strong data-checked:border-accent">
        <Base.CheckboxItemIndicator className="text-accent">
          <Check aria-hidden="true" className="size-3.5!" strokeWidth={3} />
        </Base.CheckboxItemIndicator>
      </span>
      <span className="flex-1">{children}</span>
    </Base.CheckboxItem>
  )
}

export function MenuRadio<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string
  value: T
  options: readonly { value: T; label: string; hint?: string }[]
  onChange: (value: T) => void
}) {
  return (
    <Base.Group>
      <MenuLabel>{label}</MenuLabel>
      <Base.RadioGroup value={value} onValueChange={(next) => onChange(next as T)}>
        {options.map((option) => (
          <Base.RadioItem key={option.value} value={option.value} className={item} closeOnClick>
            <span className="grid size-4 place-items-center">
              <Base.RadioItemIndicator className="text-accent">
                <Check aria-hidden="true" strokeWidth={2.5} />
              </Base.RadioItemIndicator>
            </span>
            <span className="flex-1">{option.label}</span>
            {option.hint ? <span className="text-ink-3 text-xs">{option.hint}</span> : null}
          </Base.RadioItem>
        ))}
      </Base.RadioGroup>
    </Base.Group>
  )
}

export function MenuGroup({ children }: { children: ReactNode }) {
  return <Base.Group>{children}</Base.Group>
}

/** Only inside a `MenuGroup` or `MenuRadio`: it names the group. */
export function MenuLabel({ children }: { children: ReactNode }) {
  return (
    <Base.GroupLabel className="px-2 pt-2 pb-1 font-medium text-2xs text-ink-3">
      {children}
    </Base.GroupLabel>
  )
}

export function MenuSeparator() {
  return <Base.Separator className="my-1 h-px bg-line" />
}
