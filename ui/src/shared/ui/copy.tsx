import { Check, Copy } from 'lucide-react'
import { useEffect, useState } from 'react'
import { copyText } from '../lib/clipboard'
import { cn } from '../lib/cn'
import { Button } from './button'

/** Copies `text` and says so. Where copying is forbidden it says that instead. */
export function CopyButton({
  text,
  label = 'Copy',
  iconOnly = false,
  className,
  onCopied,
}: {
  text: string
  label?: string
  iconOnly?: boolean
  className?: string
  onCopied?: () => void
}) {
  const [state, setState] = useState<'idle' | 'copied' | 'failed'>('idle')

  useEffect(() => {
    if (state === 'idle') return
    const timer = setTimeout(() => setState('idle'), 2_000)
    return () => clearTimeout(timer)
  }, [state])

  const said = state === 'copied' ? 'Copied' : state === 'failed' ? 'Select and copy' : label
  return (
    <Button
      variant={iconOnly ? 'quiet' : 'outline'}
      size={iconOnly ? 'iconSm' : 'sm'}
      className={cn(className)}
      aria-label={iconOnly ? label : undefined}
      title={iconOnly ? said : undefined}
      onClick={async () => {
        const done = await copyText(text)
        setState(done ? 'copied' : 'failed')
        if (done) onCopied?.()
      }}
    >
      {state === 'copied' ? <Check aria-hidden="true" /> : <Copy aria-hidden="true" />}
      {iconOnly ? null : said}
      <span className="sr-only" role="status">
        {state === 'copied' ? 'Copied' : state === 'failed' ? 'Copying is not allowed here' : ''}
      </span>
    </Button>
  )
}
