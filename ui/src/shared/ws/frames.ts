/** Frames of `/api/v1/ws/live`. Anything that does not look like one of them is ignored. */
import type {
  AlertCounts,
  Command,
  Job,
  JobHost,
  OutputPiece,
  RowMetrics,
  Server,
} from '../api/model'
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
  /** Something happened to an alert; it can be read now. `open` are those of its server. */
  | { k: 'alert'; op: string; server: string; alert: string; rule: string; open: AlertCounts }

/** What a watched topic says; of a command or a job, the frame with the state `ended` is its last. */
export type WatchedFrame =
  | { type: 'command'; topic: string; command: Command }
  | { type: 'output'; topic: string; pieces: OutputPiece[]; next: number }
  | { type: 'job'; topic: string; job: Job; hosts: JobHost[]; hidden: number }
  | { type: 'alerts'; topic: string; counts: AlertCounts }

export type ServerFrame =
  | WatchedFrame
  | { type: 'ready'; seq: number; version: string; server_time: string | number }
  | { type: 'batch'; seq: number; items: LiveItem[]; skipped?: number }
  | { type: 'subscribed'; topics: string[]; refused?: { topic: string; code: string }[] }
  | { type: 'gap'; from: number; to: number }
  | { type: 'pong' }

export type ClientFrame =
  | { type: 'hello'; resume?: number }
  | { type: 'subscribe'; topics: string[]; from?: Record<string, number> }
  | { type: 'unsubscribe'; topics: string[] }
  | { type: 'ping' }

const KNOWN = new Set([
  'ready',
  'batch',
  'subscribed',
  'gap',
  'pong',
  'command',
  'output',
  'job',
  'alerts',
])

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
