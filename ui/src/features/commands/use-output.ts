/**
 * Everything that a command has written, and writes: loaded piece by piece from the first on, and
 * asked for again while it runs. What was loaded once is never loaded again while it is on screen.
 */
import { useEffect, useMemo, useRef, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { Command } from '@/shared/api/model'
import { LogBuffer } from '@/shared/logs/buffer'
import { isOpen } from './command-query'
import { OutputLines } from './output-lines'

const SOON_MS = 400
/** After an error. */
const LATER_MS = 2_000
/** Looks at an output whose end does not come: the host said there is more than ever arrived. */
const PATIENCE = 15

function bytesOf(base64: string): Uint8Array {
  const text = atob(base64)
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at)
  return bytes
}

export interface Output {
  buffer: LogBuffer
  /** Why it cannot be loaded right now. */
  failure: unknown
  /** All of it is in the buffer. */
  whole: boolean
}

export function useOutput(command: Command): Output {
  const { id } = command
  const latest = useRef(command)
  latest.current = command
  // biome-ignore lint/correctness/useExhaustiveDependencies: another command has another output
  const buffer = useMemo(() => new LogBuffer(), [id])
  const [failure, setFailure] = useState<unknown>(null)
  const [whole, setWhole] = useState(false)

  useEffect(() => {
    const stop = new AbortController()
    const { signal } = stop
    const pause = (ms: number) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        signal.addEventListener('abort', () => {
          clearTimeout(timer)
          resolve()
        })
      })
    const load = async () => {
      const lines = new OutputLines(buffer)
      let from = 0
      let bytes = 0
      let empty = 0
      setWhole(false)
      setFailure(null)
      buffer.clear()
      while (!signal.aborted) {
        // Read before the output: what was written before the end is asked for after it.
        const { state, stdout_bytes, stderr_bytes, cut_bytes } = latest.current
        try {
          const page = await unwrap(
            api.GET('/api/v1/commands/{id}/output', {
              params: { path: { id }, query: { from } },
              signal,
            }),
          )
          if (signal.aborted) return
          setFailure(null)
          for (const { stream, data, at } of page.pieces) {
            const piece = bytesOf(data)
            bytes += piece.length
            lines.take({
              stream: stream === 'stderr' ? 'stderr' : 'stdout',
              data: piece,
              at: Date.parse(at),
            })
          }
          from = page.next
          if (page.more) continue
          if (state === 'ended') {
            // The end and the output are written by two hands: one may be faster.
            empty += 1
            if (bytes >= stdout_bytes + stderr_bytes - cut_bytes || empty > PATIENCE) {
              lines.end()
              setWhole(true)
              return
            }
          }
          await pause(SOON_MS)
        } catch (error) {
          if (signal.aborted) return
          setFailure(error)
          await pause(LATER_MS)
        }
      }
    }
    void load()
    return () => stop.abort()
  }, [id, buffer])

  return { buffer, failure, whole: whole && !isOpen(command) }
}
