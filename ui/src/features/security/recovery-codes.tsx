import { Download } from 'lucide-react'
import { download } from '@/shared/lib/download'
import { Button } from '@/shared/ui/button'
import { CopyButton } from '@/shared/ui/copy'

/** Recovery codes, for the only time, with two ways to keep them. */
export function RecoveryCodes({ codes }: { codes: readonly string[] }) {
  const text = codes.join('\n')
  return (
    <div>
      <p className="text-ink-2">
        Each of these signs you in once when your phone is not at hand. Keep them where you keep
        your passwords: they are shown only now.
      </p>
      <ul
        aria-label="Recovery codes"
        className="mt-3 grid gap-x-6 gap-y-1.5 rounded-md border border-line bg-sunken p-4 font-mono sm:grid-cols-2"
      >
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <div className="mt-3 flex flex-wrap gap-2">
        <CopyButton text={text} label="Copy all" />
        <Button
          size="sm"
          onClick={() =>
            download(
              'chatops-recovery-codes.txt',
              'text/plain',
              `Recovery codes for ChatOps at ${window.location.host}\nEach works once.\n\n${text}\n`,
            )
          }
        >
          <Download aria-hidden="true" />
          Download
        </Button>
      </div>
    </div>
  )
}
