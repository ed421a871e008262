/**
 * Where a command is typed. Enter runs it, Shift and Enter make a new line, arrow up and down walk
 * through what was run on this server before.
 */
import { ChevronDown, ChevronRight, Play } from 'lucide-react'
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { Problem } from '@/shared/api/problem'
import { cn } from '@/shared/lib/cn'
import { isMac } from '@/shared/lib/hotkeys'
import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { Input } from '@/shared/ui/input'
import { Kbd } from '@/shared/ui/kbd'
import { Segmented } from '@/shared/ui/segmented'
import { type Draft, EMPTY_DRAFT, type Mistakes, type RunRequest, requestIn } from './draft'
import { type Past, pastOf, walk } from './past'

export function RunBox({
  host,
  past: lines,
  initial = EMPTY_DRAFT,
  onRun,
}: {
  /** Name of the server, on the button. */
  host: string
  /** What was run before, the newest first. */
  past: readonly string[]
  initial?: Draft
  /** Resolves when the command is on its way. */
  onRun: (request: RunRequest) => Promise<unknown>
}) {
  const [draft, setDraft] = useState(initial)
  const [past, setPast] = useState<Past>(() => pastOf(lines))
  const [more, setMore] = useState(
    () => initial.cwd !== '' || initial.env !== '' || initial.stdin !== '',
  )
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<unknown>(null)
  const box = useRef<HTMLTextAreaElement>(null)
  const moreId = useId()

  // What has been run meanwhile joins the past, unless somebody is walking through it.
  useEffect(() => setPast((before) => (before.at === -1 ? pastOf(lines) : before)), [lines])

  const { request, mistakes } = requestIn(draft)
  const refused = failure instanceof Problem ? failure : null
  const named = (...fields: string[]) => fields.map((field) => refused?.field(field)).find(Boolean)
  const mistake = (field: keyof Mistakes) => (tried ? mistakes[field] : undefined)
  const change = (next: Partial<Draft>) => {
    setFailure(null)
    setDraft({ ...draft, ...next })
  }

  const run = async () => {
    setTried(true)
    if (busy) return
    if (Object.keys(mistakes).length > 0) {
      if (mistakes.cwd || mistakes.env || mistakes.time) setMore(true)
      box.current?.focus()
      return
    }
    setBusy(true)
    setFailure(null)
    try {
      await onRun(request)
      setTried(false)
      // The surroundings stay for the next one; what it read may have been a secret.
      setDraft((before) => ({ ...before, line: '', stdin: '' }))
    } catch (error) {
      setFailure(error)
      if (error instanceof Problem && error.fields.length > 0) setMore(true)
    } finally {
      setBusy(false)
      box.current?.focus()
    }
  }

  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      void run()
      return
    }
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return
    const { selectionStart, value } = event.currentTarget
    // Within a text of several lines the arrows move the cursor first.
    const older = event.key === 'ArrowUp' && !value.slice(0, selectionStart).includes('\n')
    const newer = event.key === 'ArrowDown' && !value.slice(selectionStart).includes('\n')
    if (!older && !newer) return
    const step = walk(past, older ? 1 : -1, draft.line)
    if (!step) return
    event.preventDefault()
    setPast(step.past)
    change({ line: step.text })
  }

  return (
    <form
      aria-label={`Run a command on ${host}`}
      className="card mt-4 overflow-hidden"
      onSubmit={(event) => {
        event.preventDefault()
        void run()
      }}
    >
      <div className="flex gap-2 p-2.5">
        <span
          aria-hidden="true"
          className="grid h-8 w-5 shrink-0 place-items-center font-mono text-ink-3"
        >
          {draft.mode === 'shell' ? '$' : '›'}
        </span>
        <textarea
          ref={box}
          rows={Math.min(12, draft.line.split('\n').length)}
          aria-label={draft.mode === 'shell' ? 'Command' : 'Program and arguments'}
          aria-invalid={mistake('line') ? true : undefined}
          aria-describedby={`${moreId}-note`}
          autoComplete="off"
          autoCapitalize="off"
          autoCorrect="off"
          spellCheck={false}
          placeholder={draft.mode === 'shell' ? 'df -h | sort' : 'systemctl status nginx.service'}
          value={draft.line}
          onChange={(event) => {
            setPast((before) => ({ ...before, at: -1 }))
            change({ line: event.target.value })
          }}
          onKeyDown={onKeyDown}
          className="field-sizing-content max-h-72 min-h-8 min-w-0 flex-1 resize-none bg-transparent py-1 font-mono text-sm leading-6 outline-none"
        />
        <Button type="submit" variant="primary" busy={busy}>
          <Play aria-hidden="true" />
          Run
          <span className="sr-only"> on {host}</span>
        </Button>
      </div>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 border-line border-t bg-sunken px-2.5 py-1.5">
        <Segmented
          label="How it is run"
          value={draft.mode}
          options={[
            {
              value: 'shell',
              label: 'Shell line',
              title: 'With /bin/sh: pipes and variables work',
            },
            { value: 'argv', label: 'Program', title: 'No shell: every word stands for itself' },
          ]}
          onChange={(mode) => change({ mode })}
        />
        <Button
          variant="quiet"
          size="sm"
          aria-expanded={more}
          aria-controls={moreId}
          onClick={() => setMore(!more)}
        >
          {more ? <ChevronDown aria-hidden="true" /> : <ChevronRight aria-hidden="true" />}
          Folder, variables, input, time
        </Button>
        <p
          id={`${moreId}-note`}
          role="status"
          className={cn(
            'min-w-0 flex-1 text-xs',
            mistake('line') || failure ? 'font-medium text-bad' : 'text-ink-3 max-sm:hidden',
          )}
        >
          {mistake('line') ??
            named('command', 'argv') ??
            (failure ? (refused?.message ?? String(failure)) : null) ?? (
              <>
                <Kbd>Enter</Kbd> runs, <Kbd>{isMac ? '⇧' : 'Shift'}</Kbd> <Kbd>Enter</Kbd> makes a
                line, <Kbd>↑</Kbd> brings back what was run
              </>
            )}
        </p>
      </div>
      {draft.mode === 'argv' && request.argv && request.argv.length > 0 ? (
        <ol
          aria-label="What is run"
          className="flex flex-wrap gap-1.5 border-line border-t px-3 py-2 font-mono text-xs"
        >
          {request.argv.map((word, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: words may repeat, and their order is what they are
            <li key={index} className="rounded border border-line bg-sunken px-1.5 py-0.5">
              {word === '' ? <span className="text-ink-3">empty</span> : word}
            </li>
          ))}
        </ol>
      ) : null}
      <div id={moreId} hidden={!more} className="border-line border-t p-3">
        <div className="grid gap-4 sm:grid-cols-2">
          <Field
            label="Folder"
            optional
            error={mistake('cwd') ?? named('cwd')}
            hint="The agent’s own when empty"
          >
            {(control) => (
              <Input
                {...control}
                className="font-mono text-sm"
                spellCheck={false}
                placeholder="/srv/app"
                value={draft.cwd}
                onChange={(event) => change({ cwd: event.target.value })}
              />
            )}
          </Field>
          <Field
            label="Longest time"
            error={mistake('time') ?? named('timeout')}
            hint="Then it and all its children are ended"
          >
            {(control) => (
              <Input
                {...control}
                className="text-sm"
                value={draft.time}
                onChange={(event) => change({ time: event.target.value })}
              />
            )}
          </Field>
          <Field
            label="Variables"
            optional
            error={mistake('env') ?? named('env')}
            hint="NAME=value, one a line. Values are never stored in the history."
          >
            {(control) => (
              <TextArea
                {...control}
                value={draft.env}
                onChange={(event) => change({ env: event.target.value })}
              />
            )}
          </Field>
          <Field
            label="Input"
            optional
            error={named('stdin')}
            hint="What it reads. Never stored in the history."
          >
            {(control) => (
              <TextArea
                {...control}
                value={draft.stdin}
                onChange={(event) => change({ stdin: event.target.value })}
              />
            )}
          </Field>
        </div>
      </div>
    </form>
  )
}

function TextArea(props: React.ComponentProps<'textarea'>) {
  return (
    <textarea
      rows={3}
      autoComplete="off"
      spellCheck={false}
      className="w-full resize-y rounded-md border border-line-strong bg-surface px-3 py-2 font-mono text-sm hover:border-ink-3 aria-invalid:border-bad"
      {...props}
    />
  )
}
