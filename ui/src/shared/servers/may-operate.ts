import { useQuery } from '@tanstack/react-query'
import { useNow } from '../lib/now'
import { accessQuery } from '../people/people-query'
import { allowedAt, type Capability } from './allowed'
import { useServerRow } from './server-query'

/** Whether this person may act on a server. Null: not known yet. The API decides anew. */
export function useMayOperate(server: string): boolean | null {
  const { data } = useQuery(accessQuery(server))
  return data ? data.you.level !== 'view' : null
}

/** The same, and the host allows it now. */
export function useMayAct(server: string, capability: Capability): boolean {
  const now = useNow()
  const agent = useServerRow(server)?.server.agent
  const may = useMayOperate(server)
  return Boolean(may && agent && allowedAt(agent, capability, now))
}
