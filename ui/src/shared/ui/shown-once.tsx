import { CopyButton } from './copy'

/** A secret that the server cannot show again. */
export function ShownOnce({ secret, testId }: { secret: string; testId: string }) {
  return (
    <div className="flex items-center gap-2 rounded-md border border-line bg-sunken p-2 pl-3">
      <code data-testid={testId} className="min-w-0 flex-1 break-all font-mono text-xs">
        {secret}
      </code>
      <CopyButton text={secret} />
    </div>
  )
}
