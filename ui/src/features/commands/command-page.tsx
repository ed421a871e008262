import { useQuery } from '@tanstack/react-query'
import { usePageTitle } from '@/shared/lib/page-title'
import { commandQuery } from './command-query'
import Shown from './shown'

/** The page of one command, for links. */
export function CommandPage({ id, onRerun }: { id: string; onRerun: (id: string) => void }) {
  const { data } = useQuery(commandQuery(id))
  usePageTitle(data ? `${data.command.slice(0, 40)} on ${data.server_name}` : 'Command')
  return (
    <div className="mx-auto max-w-[90rem] px-4 py-6 sm:px-6">
      <h1 className="mb-4 font-semibold text-xl tracking-tight">Command</h1>
      <Shown id={id} onRerun={onRerun} />
    </div>
  )
}
