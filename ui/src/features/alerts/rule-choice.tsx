/** Rules to choose from, folded away while every rule is meant. */
import type { AlertRule } from '@/shared/api/model'

export function RuleChoice({
  rules,
  chosen,
  summary,
  onChange,
}: {
  rules: readonly AlertRule[]
  chosen: readonly string[]
  /** "Of every rule" */
  summary: string
  onChange: (rules: readonly string[]) => void
}) {
  return (
    <details open={chosen.length > 0}>
      <summary className="cursor-pointer font-medium">{summary}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard */}
      <fieldset tabIndex={0} className="mt-2 flex max-h-48 flex-col overflow-y-auto">
        <legend className="sr-only">Alerts of which rules</legend>
        {rules.map(({ id, name }) => (
          <label
            key={id}
            className="flex min-h-7 cursor-pointer items-center gap-2.5 touch:min-h-11"
          >
            <input
              type="checkbox"
              className="size-4 accent-accent"
              checked={chosen.includes(id)}
              onChange={() =>
                onChange(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id])
              }
            />
            <span className="min-w-0 truncate">{name}</span>
          </label>
        ))}
      </fieldset>
    </details>
  )
}
