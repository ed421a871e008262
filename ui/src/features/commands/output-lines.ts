/**
 * Turns pieces of output, cut anywhere, into lines of a log.
 *
 * Guarantees: characters that lie across two pieces are whole; a line stands where its first
 * character was written and grows in place, so both streams stay in the order in which they were
 * read; what a carriage return overwrites is gone, as in a terminal; a colour goes on into the next
 * line; no line is longer than `LONGEST`.
 */
import type { LogBuffer } from '@/shared/logs/buffer'

export interface Piece {
  stream: 'stdout' | 'stderr'
  data: Uint8Array
  /** Milliseconds since 1970. */
  at: number | null
}

/** Longer lines are broken: a browser cannot draw a line of megabytes. */
const LONGEST = 16_384
/** Colours that are kept beyond the end of a line. */
const MOST_STYLES = 8
const STYLE = new RegExp(`${'\u001b'}\\[([0-9;:]*)m`, 'g')

interface Stream {
  decoder: TextDecoder
  /** The line that is not over: its number in the buffer, and what was written so far. */
  open: { n: number; at: number | null; text: string } | null
  /** Styles that are still on where a line begins. */
  style: string
}

const fresh = (): Stream => ({ decoder: new TextDecoder(), open: null, style: '' })

/** What a terminal would show of a line in which the cursor went back to its beginning. */
function overwritten(text: string): string {
  const shown = text.replace(/\r+$/, '')
  return shown.slice(shown.lastIndexOf('\r') + 1)
}

function styleAfter(text: string): string {
  const on: string[] = []
  for (const [sequence, codes] of text.matchAll(STYLE)) {
    if (/^0*(;0*)*$/.test(codes ?? '')) on.length = 0
    else on.push(sequence)
  }
  return on.slice(-MOST_STYLES).join('')
}

export class OutputLines {
  readonly #buffer: LogBuffer
  readonly #streams = { stdout: fresh(), stderr: fresh() }

  constructor(buffer: LogBuffer) {
    this.#buffer = buffer
  }

  take({ stream, data, at }: Piece): void {
    const state = this.#streams[stream]
    this.#write(stream, state.decoder.decode(data, { stream: true }), at)
  }

  /** Nothing more comes: what waited for the rest of a character is shown as it is. */
  end(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      this.#write(stream, this.#streams[stream].decoder.decode(), null)
    }
  }

  #write(stream: 'stdout' | 'stderr', text: string, at: number | null): void {
    if (text === '') return
    const state = this.#streams[stream]
    const lines = text.split('\n')
    for (const [index, line] of lines.entries()) {
      const over = index < lines.length - 1
      // Behind the last line break there may be nothing: no line begins yet.
      if (!over && line === '') return
      for (let from = 0; from === 0 || from < line.length; from += LONGEST) {
        this.#grow(stream, line.slice(from, from + LONGEST), at)
        if (from + LONGEST < line.length) this.#close(state)
      }
      if (over) this.#close(state)
    }
  }

  #grow(stream: 'stdout' | 'stderr', text: string, at: number | null): void {
    const state = this.#streams[stream]
    if (state.open && state.open.text.length + text.length > LONGEST) this.#close(state)
    const before = state.open
    const whole = { at: before?.at ?? at, text: (before?.text ?? '') + text }
    const line = { at: whole.at, text: state.style + overwritten(whole.text), stream }
    const amended = before !== null && this.#buffer.amend(before.n, line)
    state.open = { ...whole, n: amended ? before.n : this.#buffer.push([line]) }
  }

  #close(state: Stream): void {
    if (state.open) state.style = styleAfter(state.style + state.open.text)
    state.open = null
  }
}
