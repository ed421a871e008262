import { useQuery } from '@tanstack/react-query'
import { Loaded } from '@/shared/ui/loaded'
import { commandQuery } from './command-query'
import { CommandView } from './command-view'

/** The command with this id, wherever it is shown. */
export default function Shown({ id, onRerun }: { id: string; onRerun: (id: string) => void }) {
  const query = useQuery(commandQuery(id))
  return (
    <Loaded query={query} what="The command could not be loaded">
      {(command) => <CommandView key={command.id} command={command} onRerun={onRerun} />}
    </Loaded>
  )
}
