/** The part of `Menu` that is loaded when a menu is first wanted. */
import { Menu as Base } from '@base-ui/react/menu'
import { Check } from 'lucide-react'
import { Fragment } from 'react'
import { cn } from '../lib/cn'
import type { MenuEntry, MenuProps } from './menu'

const item =
  'flex min-h-8 cursor-default select-none items-center gap-2 rounded-md px-2 py-1 text-ink outline-none data-disabled:opacity-50 data-highlighted:bg-hover [&_svg]:size-4 [&_svg]:shrink-0 touch:min-h-11'

export default function MenuPopup({
  trigger,
  entries,
  align = 'end',
  className,
  open,
  onOpenChange,
}: MenuProps & { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Base.Root open={open} onOpenChange={onOpenChange}>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner sideOffset={6} align={align} className="z-50">
          <Base.Popup
            className={cn(
              'max-h-[min(70dvh,var(--available-height))] min-w-44 animate-rise overflow-y-auto rounded-lg border border-line bg-surface p-1 shadow-float outline-none',
              className,
            )}
          >
            {entries.map((entry) => (
              <Fragment key={entry.kind === 'line' ? entry.id : entry.label}>
                <Entry entry={entry} />
              </Fragment>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  )
}

function Entry({ entry }: { entry: MenuEntry }) {
  switch (entry.kind) {
    case 'line':
      return <Base.Separator className="my-1 h-px bg-line" />
    case 'action':
      return (
        <Base.Item className={item} onClick={entry.run}>
          {entry.icon}
          <span className="flex-1">{entry.label}</span>
          {entry.hint ? <span className="text-ink-3 text-xs">{entry.hint}</span> : null}
        </Base.Item>
      )
    case 'choice':
      return (
        <Base.Group>
          <Base.GroupLabel className="px-2 pt-2 pb-1 font-medium text-2xs text-ink-3">
            {entry.label}
          </Base.GroupLabel>
          <Base.RadioGroup
            value={entry.value}
            onValueChange={(value) => entry.choose(String(value))}
          >
            {entry.options.map((option) => (
              <Base.RadioItem key={option.value} value={option.value} className={item} closeOnClick>
                <span className="grid size-4 place-items-center">
                  <Base.RadioItemIndicator className="text-accent">
                    <Check aria-hidden="true" strokeWidth={2.5} />
                  </Base.RadioItemIndicator>
                </span>
                <span className="flex-1">{option.label}</span>
              </Base.RadioItem>
            ))}
          </Base.RadioGroup>
        </Base.Group>
      )
  }
}
