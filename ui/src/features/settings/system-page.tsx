import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { accept, api, unwrap } from '@/shared/api/client'
import { Loaded } from '@/shared/ui/loaded'
import { SettingsSection } from '@/shared/ui/settings-section'
import { Switch } from '@/shared/ui/switch'
import { toast, toastProblem } from '@/shared/ui/toast'

const queryKey = ['settings', 'terminal']

/** What holds for the whole installation. */
export function SystemPage() {
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) => unwrap(api.GET('/api/v1/settings/terminal', { signal })),
  })
  return (
    <SettingsSection
      title="Terminals"
      hint="For every server that says nothing else in its terminal history. Counts for terminals that are opened from now on."
    >
      <Loaded query={query} what="The setting could not be loaded">
        {({ recorded }) => <Recording recorded={recorded} />}
      </Loaded>
    </SettingsSection>
  )
}

function Recording({ recorded }: { recorded: boolean }) {
  const client = useQueryClient()
  const change = useMutation({
    mutationFn: (next: boolean) =>
      accept(api.PUT('/api/v1/settings/terminal', { body: { recorded: next } })),
    onSuccess: (_, next) => {
      toast({
        tone: 'ok',
        title: next ? 'Terminals are recorded' : 'Terminals are not recorded',
        action: { label: 'Undo', run: () => change.mutate(!next) },
      })
      // Servers that follow it change with it.
      void client.invalidateQueries({ queryKey: ['server'] })
    },
    onError: (error) => toastProblem('It stays as it was', error),
    onSettled: () => client.invalidateQueries({ queryKey }),
  })
  return (
    <div className="rounded-lg border border-line bg-surface px-4 py-3.5">
      <Switch
        label="Record terminals"
        hint="What a terminal shows is kept and can be played again; what is typed is not kept. Whoever opens one is told."
        checked={change.isPending ? change.variables : recorded}
        onChange={(next) => change.mutate(next)}
      />
    </div>
  )
}
