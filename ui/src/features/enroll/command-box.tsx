import type { ReactNode } from 'react'
import { CopyButton } from '@/shared/ui/copy'

/** A command to run on the host. */
export function CommandBox({ command, note }: { command: string; note: ReactNode }) {
  return (
    <div className="overflow-hidden rounded-lg border border-line bg-sunken">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard */}
      <section tabIndex={0} aria-label="Install command" className="max-h-72 overflow-auto">
        <pre className="whitespace-pre-wrap break-all p-4 font-mono text-xs leading-5">
          <code data-testid="install-command">{command}</code>
        </pre>
      </section>
      <div className="flex flex-wrap items-center justify-between gap-3 border-line border-t bg-surface px-3 py-2">
        <div className="flex flex-wrap items-center gap-2 text-ink-2 text-xs">{note}</div>
        <CopyButton text={command} label="Copy command" />
      </div>
    </div>
  )
}
