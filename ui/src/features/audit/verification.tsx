import { useQuery } from '@tanstack/react-query'
import { ShieldAlert, ShieldCheck, ShieldQuestion } from 'lucide-react'
import type { AuditStatus } from '@/shared/api/model'
import { cn } from '@/shared/lib/cn'
import { CopyButton } from '@/shared/ui/copy'
import { ProblemPanel } from '@/shared/ui/problem-panel'
import { Ago } from '@/shared/ui/time'
import { verifyQuery } from './audit-query'

type Verdict = { tone: 'ok' | 'warn' | 'bad'; title: string }

function verdictOf({ phase, checked, outside_problem, size }: AuditStatus): Verdict {
  if (phase === 'tampered' || checked?.outcome === 'tampered') {
    return { tone: 'bad', title: 'The log was tampered with' }
  }
  if (phase !== 'running') {
    return {
      tone: 'warn',
      title: phase === 'absent' ? 'Nothing writes the log' : 'The log is not being written now',
    }
  }
  // A check says nothing about what was added after it.
  if (!checked || (checked.size === 0 && size > 0)) {
    return { tone: 'warn', title: 'Not verified yet' }
  }
  if (outside_problem) return { tone: 'warn', title: 'Verified, but the head is not outside' }
  // Entries are gone, and a person said why: neither whole nor tampered with.
  if (checked.restores.length > 0) {
    return { tone: 'warn', title: 'Verified, with a restore from a backup that was accepted' }
  }
  return {
    tone: 'ok',
    title:
      checked.size >= size
        ? 'Verified: nothing was altered, removed or moved'
        : `Verified up to entry ${checked.size.toLocaleString('en')}: nothing was altered, removed or moved`,
  }
}

const ICON = { ok: ShieldCheck, warn: ShieldQuestion, bad: ShieldAlert }
const COLOUR = { ok: 'text-ok', warn: 'text-warn', bad: 'text-bad' }

/** Whether the log is whole, always in sight above it. */
export function Verification() {
  const query = useQuery(verifyQuery)
  if (query.isError && !query.data) {
    return (
      <ProblemPanel
        what="Whether the log is whole could not be loaded"
        error={query.error}
        onRetry={() => void query.refetch()}
      />
    )
  }
  const status = query.data
  // Its place is kept, so that nothing moves when the answer comes.
  if (!status) return <div className="h-[4.5rem] rounded-lg border border-line bg-surface" />
  const { tone, title } = verdictOf(status)
  const Icon = ICON[tone]
  const { checked, head } = status
  return (
    <section
      aria-label="Verification"
      className={cn(
        'flex min-h-[4.5rem] gap-3 rounded-lg border bg-surface p-4',
        tone === 'bad' ? 'border-bad' : 'border-line',
      )}
    >
      <Icon className={cn('mt-0.5 size-5 shrink-0', COLOUR[tone])} aria-hidden="true" />
      <div className="min-w-0 flex-1">
        <p role="status" className="font-medium">
          {title}
        </p>
        <p className="tnum text-ink-2 text-xs">
          {status.size.toLocaleString('en')} entries
          {checked ? (
            <>
              ; at the last check <Ago at={checked.at} />: {checked.size.toLocaleString('en')}{' '}
              verified, {checked.signed.toLocaleString('en')} of them under a signed head
            </>
          ) : null}
          {status.reason ? `. ${status.reason}` : ''}
          {status.outside_problem ? `. ${status.outside_problem}` : ''}
        </p>
        {checked && checked.restores.length > 0 ? (
          <ul className="mt-2 list-disc pl-5 text-warn">
            {checked.restores.map((restore) => (
              <li key={restore.entry}>
                {restore.text} (<Ago at={restore.at} />)
              </li>
            ))}
          </ul>
        ) : null}
        {checked && checked.findings.length > 0 ? (
          <ul className="mt-2 list-disc pl-5 text-bad">
            {checked.findings.map((finding) => (
              <li key={`${finding.kind}-${finding.entry}-${finding.text}`}>
                {finding.entry === null ? '' : `Entry ${finding.entry}: `}
                {finding.text}
              </li>
            ))}
          </ul>
        ) : null}
        {head ? (
          <details className="mt-1 text-xs">
            <summary className="w-fit text-ink-2 hover:text-ink">Signed head</summary>
            <dl className="mt-2 grid gap-x-4 gap-y-1 sm:grid-cols-[auto_1fr]">
              <dt className="text-ink-3">Entries</dt>
              <dd className="tnum">{head.size.toLocaleString('en')}</dd>
              <dt className="text-ink-3">Signed</dt>
              <dd>
                <Ago at={head.time} />
              </dd>
              {(
                [
                  ['Root', head.root],
                  ['Key', head.key_id],
                  ['Public key', head.public_key],
                ] as const
              ).map(([label, value]) => (
                <Hex key={label} label={label} value={value} />
              ))}
            </dl>
            <p className="mt-2 text-ink-2">
              Write the key down elsewhere, and compare. To trust neither this page nor this server,
              run <code className="font-mono">chatops audit verify</code> on an export.
            </p>
          </details>
        ) : null}
      </div>
    </section>
  )
}

export function Hex({ label, value }: { label: string; value: string }) {
  return (
    <>
      <dt className="text-ink-3">{label}</dt>
      <dd className="flex min-w-0 items-center gap-1">
        <code className="min-w-0 break-all font-mono text-2xs">{value}</code>
        <CopyButton iconOnly text={value} label={`Copy ${label.toLowerCase()}`} />
      </dd>
    </>
  )
}
