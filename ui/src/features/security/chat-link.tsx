import { useMutation } from '@tanstack/react-query'
import { api, unwrap } from '@/shared/api/client'
import { Button } from '@/shared/ui/button'
import { FormProblem } from '@/shared/ui/form-problem'
import { ShownOnce } from '@/shared/ui/shown-once'

/** Makes a code that says in a chat who this person is. */
export function ChatLink() {
  const make = useMutation({ mutationFn: () => unwrap(api.POST('/api/v1/chat/link')) })
  return (
    <>
      <FormProblem error={make.error} />
      <p className="mb-3 text-ink-2">
        {make.data
          ? 'Say this in the chat within ten minutes. It works once.'
          : 'What you say in a chat that is linked to you is done with your rights. It does not sign you in.'}
      </p>
      {make.data ? <ShownOnce secret={make.data.say} testId="chat-code" /> : null}
      <Button
        className={make.data ? 'mt-3' : undefined}
        busy={make.isPending}
        onClick={() => make.mutate()}
      >
        {make.data ? 'Make another code' : 'Make a code'}
      </Button>
    </>
  )
}
