/**
 * Keys and one-time codes made by the wizard, for as long as the tab lives: the command can be shown again when one
 * comes back to the page. In memory only; a reload forgets them, and nothing else may know them.
 */
import { create } from 'zustand'
import { accept, api, unwrap } from '@/shared/api/client'
import type { Enrolment, IssuedKey } from '@/shared/api/model'

const useIssued = create<{ byServer: Record<string, IssuedKey> }>(() => ({ byServer: {} }))

export const useIssuedKey = (server: string): IssuedKey | undefined =>
  useIssued((state) => state.byServer[server])

/** Makes a key for the wizard; the one it made before for this server stops working. */
export async function issueKey(server: string): Promise<IssuedKey> {
  const before = useIssued.getState().byServer[server]
  const issued = await unwrap(
    api.POST('/api/v1/api-keys', { body: { server_id: server, name: 'agent' } }),
  )
  useIssued.setState(({ byServer }) => ({ byServer: { ...byServer, [server]: issued } }))
  if (before) {
    await accept(api.POST('/api/v1/api-keys/{id}/revoke', { params: { path: { id: before.id } } }))
  }
  return issued
}

const useOffers = create<{ byServer: Record<string, Enrolment> }>(() => ({ byServer: {} }))

export const useOffer = (server: string): Enrolment | undefined =>
  useOffers((state) => state.byServer[server])

/** A fresh one-time code for a host. */
export async function offerEnrolment(server: string): Promise<Enrolment> {
  const offer = await unwrap(
    api.POST('/api/v1/servers/{id}/enrolment', { params: { path: { id: server } } }),
  )
  useOffers.setState(({ byServer }) => ({ byServer: { ...byServer, [server]: offer } }))
  return offer
}
