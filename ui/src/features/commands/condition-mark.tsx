import type { Command } from '@/shared/api/model'
import { Spinner } from '@/shared/ui/button'
import { StatusDot } from '@/shared/ui/status-dot'
import { conditionOf } from './condition'

export function ConditionMark({ command }: { command: Command }) {
  const { label, tone, hint } = conditionOf(command)
  return (
    <span className="flex items-center gap-2 whitespace-nowrap" title={hint}>
      {tone === 'accent' ? <Spinner className="size-3 text-accent" /> : <StatusDot tone={tone} />}
      {label}
    </span>
  )
}
