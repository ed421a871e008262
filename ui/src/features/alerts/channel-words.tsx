/** Own words for the messages of a channel, with what it would say about an alert that has been made up. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'
import { Problem } from '@/shared/api/problem'
import { useRested } from '@/shared/lib/rested'
import { Field } from '@/shared/ui/field'
import { TextArea } from '@/shared/ui/text-area'
import { type ChannelDraft, targetRequest, templatesRequest } from './channel-draft'

const EXAMPLE = '{{ severity|upper }}: {{ rule }} on {{ server }}'

type Body = { target: Record<string, never>; templates: Record<string, never> }

const previewQuery = (asked: string) => {
  const body = JSON.parse(asked) as Body
  return {
    queryKey: ['alerts', 'preview', asked],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      unwrap(api.POST('/api/v1/alerts/channels/preview', { body, signal })),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: keepPreviousData,
  }
}

export function WordsFields({
  draft,
  onChange,
}: {
  draft: ChannelDraft
  onChange: (change: Partial<ChannelDraft>) => void
}) {
  const asked = useRested(
    JSON.stringify({ target: targetRequest(draft), templates: templatesRequest(draft) }),
  )
  const { data, error } = useQuery(previewQuery(asked))
  const wrong = error instanceof Problem ? (error.field('templates') ?? error.message) : null
  return (
    <details open={draft.title !== '' || draft.text !== ''}>
      <summary className="cursor-pointer font-medium">Own words</summary>
      <div className="mt-3 grid items-start gap-4 md:grid-cols-2">
        <div className="flex flex-col gap-4">
          <Field label="Title" optional hint="Empty: the usual words">
            {(control) => (
              <TextArea
                {...control}
                rows={2}
                placeholder={EXAMPLE}
                value={draft.title}
                onChange={(event) => onChange({ title: event.target.value })}
              />
            )}
          </Field>
          <Field
            label="Text"
            optional
            hint={
              <>
                <code>{'{{ server }}'}</code>, <code>rule</code>, <code>device</code>,{' '}
                <code>severity</code>, <code>kind</code>, <code>since</code>, <code>lasted</code>,{' '}
                <code>note</code>, <code>link</code>; <code>if</code> and <code>for</code> work
              </>
            }
          >
            {(control) => (
              <TextArea
                {...control}
                rows={6}
                value={draft.text}
                onChange={(event) => onChange({ text: event.target.value })}
              />
            )}
          </Field>
        </div>
        <section
          aria-label="Preview"
          className="min-w-0 rounded-lg border border-line bg-sunken p-3"
        >
          <h3 className="text-ink-3 text-xs">It would say</h3>
          {wrong ? (
            <p role="status" className="mt-1 break-words font-medium text-bad text-sm">
              {wrong}
            </p>
          ) : data ? (
            <>
              <p className="mt-1 break-words font-medium">{data.title}</p>
              <p className="mt-1 whitespace-pre-wrap break-words text-ink-2 text-sm">{data.text}</p>
            </>
          ) : null}
        </section>
      </div>
    </details>
  )
}
