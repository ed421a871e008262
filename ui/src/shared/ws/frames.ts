/** Frames of `/api/v1/ws/live`. Anything that does not look like one of them is ignored. */
import type { RowMetrics, Server } from '../api/model'
import type { Sample } from '../metrics/sample'

export type LiveItem =
  | { k: 'row'; server: string; seq: number; row: RowMetrics }
  | { k: 'sample'; server: string; seq: number; ts: string; sample: Sample }
  | {
      k: 'presence'
      server: string
      status: 'online' | 'offline'
      at: string
      transport?: string | null
    }
  | { k: 'server'; op: 'registered' | 'updated'; server: Server }
  | { k: 'server'; op: 'deleted'; server: string }

export type ServerFrame =
  | { type: 'ready'; seq: number; version: string; server_time: string | number }
  | { type: 'batch'; seq: number; items: LiveItem[]; skipped?: number }
  | { type: 'subscribed'; topics: string[]; refused?: { topic: string; code: string }[] }
  | { type: 'gap'; from: number; to: number }
  | { type: 'pong' }

export type ClientFrame =
  | { type: 'hello'; resume?: number }
  | { type: 'subscribe'; topics: string[] }
  | { type: 'unsubscribe'; topics: string[] }
  | { type: 'ping' }

const KNOWN = new Set(['ready', 'batch', 'subscribed', 'gap', 'pong'])

export function parseFrame(data: unknown): ServerFrame | null {
  if (typeof data !== 'string') return null
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null || !('type' in value)) return null
  return KNOWN.has(value.type as string) ? (value as ServerFrame) : null
}
