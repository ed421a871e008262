/**
 * Everything that a command has written, and writes, and how it goes: told by its live topic, and
 * asked for piece by piece while that tells nothing. What was loaded once is never loaded again while
 * it is on screen.
 */
import { type QueryClient, useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState } from 'react'
import { api, unwrap } from '@/shared/api/client'
import type { Command, OutputPiece } from '@/shared/api/model'
import { LogBuffer } from '@/shared/logs/buffer'
import { liveSocket } from '@/shared/ws/live'
import { commandQuery, isOpen, topicOf } from './command-query'
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
  const client = useQueryClient()
  const latest = useRef(command)
  latest.current = command
  // biome-ignore lint/correctness/useExhaustiveDependencies: another command has another output
  const buffer = useMemo(() => new LogBuffer(), [id])
  const [failure, setFailure] = useState<unknown>(null)
  const [whole, setWhole] = useState(false)

  useEffect(() => {
    setWhole(false)
    setFailure(null)
    buffer.clear()
    const reading = new Reading(id, {
      buffer,
      client,
      command: () => latest.current,
      failed: setFailure,
      whole: () => setWhole(true),
    })
    return () => reading.stop()
  }, [id, buffer, client])

  return { buffer, failure, whole: whole && !isOpen(command) }
}

interface Told {
  buffer: LogBuffer
  client: QueryClient
  /** As it was last heard of. */
  command: () => Command
  failed: (error: unknown) => void
  whole: () => void
}

class Reading {
  readonly #id: string
  readonly #told: Told
  readonly #lines: OutputLines
  readonly #stop = new AbortController()
  #next = 0
  #bytes = 0
  #asking = false
  #over = false
  #leave = () => {}
  #late: ReturnType<typeof setTimeout> | undefined

  constructor(id: string, told: Told) {
    this.#id = id
    this.#told = told
    this.#lines = new OutputLines(told.buffer)
    if (!isOpen(told.command())) {
      void this.#ask()
      return
    }
    // A connection that is being made is worth a moment.
    this.#late = setTimeout(() => this.#askUnlessTold(), SOON_MS)
    this.#leave = liveSocket.watch(topicOf(id), {
      from: () => this.#next,
      take: (frame) => {
        if (frame.type === 'output') this.#take(frame.pieces)
        else if (frame.type === 'command') this.#moved(frame.command)
      },
      tells: (does) => {
        this.#told.failed(null)
        if (does) return
        void this.#told.client.invalidateQueries({ queryKey: commandQuery(id).queryKey })
        this.#askUnlessTold()
      },
    })
  }

  stop(): void {
    clearTimeout(this.#late)
    this.#stop.abort()
    this.#leave()
  }

  #moved(command: Command): void {
    const { queryKey } = commandQuery(this.#id)
    // An answer that is on its way is older.
    void this.#told.client.cancelQueries({ queryKey })
    this.#told.client.setQueryData(queryKey, command)
    if (!isOpen(command)) this.#end()
  }

  #take(pieces: readonly OutputPiece[]): void {
    for (const { n, stream, data, at } of pieces) {
      // Both ways may bring a piece.
      if (n < this.#next) continue
      this.#next = n + 1
      const piece = bytesOf(data)
      this.#bytes += piece.length
      this.#lines.take({
        stream: stream === 'stderr' ? 'stderr' : 'stdout',
        data: piece,
        at: Date.parse(at),
      })
    }
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    this.#leave()
    this.#lines.end()
    this.#told.whole()
  }

  #askUnlessTold(): void {
    if (!liveSocket.tells(topicOf(this.#id))) void this.#ask()
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#stop.signal.addEventListener('abort', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  async #ask(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    const { signal } = this.#stop
    let empty = 0
    while (!signal.aborted && !this.#over && !liveSocket.tells(topicOf(this.#id))) {
      // Read before the output: what was written before the end is asked for after it.
      const { state, stdout_bytes, stderr_bytes, cut_bytes } = this.#told.command()
      try {
        const page = await unwrap(
          api.GET('/api/v1/commands/{id}/output', {
            params: { path: { id: this.#id }, query: { from: this.#next } },
            signal,
          }),
        )
        if (signal.aborted) break
        this.#told.failed(null)
        this.#take(page.pieces)
        if (page.more) continue
        if (state === 'ended') {
          // The end and the output are written by two hands: one may be faster.
          empty += 1
          if (this.#bytes >= stdout_bytes + stderr_bytes - cut_bytes || empty > PATIENCE) {
            this.#end()
            break
          }
        }
        await this.#pause(SOON_MS)
      } catch (error) {
        if (signal.aborted) break
        this.#told.failed(error)
        await this.#pause(LATER_MS)
      }
    }
    this.#asking = false
  }
}
