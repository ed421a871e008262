/**
 * A terminal on the page: the library's screen and the session's wire, put together. Lives as long
 * as its tab is open, shown or not; the session itself lives on its host.
 */
import { FitAddon } from '@xterm/addon-fit'
import type { SearchAddon } from '@xterm/addon-search'
import { Terminal } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'
import { renewSession } from '@/shared/api/session-fetch'
import { isMac } from '@/shared/lib/hotkeys'
import { allowOwnStyles } from './csp-nonce'
import { terminalTheme } from './theme'
import { type BinarySocket, type Opened, TerminalWire, type WireState } from './wire'

export interface TermState {
  wire: WireState
  opened: Opened | null
  /** Title that the shell gave itself. */
  title: string
  /** When something was typed last, by the page's clock. */
  typedAt: number
}

export interface TermOptions {
  server: string
  container?: string
  session?: string
  screenReader: boolean
  /** Whether what was pasted may go to the shell. */
  mayPaste(text: string): Promise<boolean>
  /** The key that leaves the terminal was pressed. */
  onLeave(): void
  onSearch(): void
}

const FONT = '"JetBrains Mono Variable", ui-monospace, monospace'
const encoder = new TextEncoder()

export class TermSession {
  readonly term: Terminal
  readonly #fit = new FitAddon()
  readonly #wire: TerminalWire
  readonly #listeners = new Set<() => void>()
  #search: Promise<SearchAddon> | undefined
  #state: TermState = {
    wire: { kind: 'connecting' },
    opened: null,
    title: '',
    typedAt: performance.now(),
  }
  #started = false
  readonly #mayPaste: TermOptions['mayPaste']

  /** Finds a text in what was written, upwards or downwards. Its code is fetched when it is first asked for. */
  async find(text: string, upwards: boolean): Promise<void> {
    this.#search ??= import('@xterm/addon-search').then(({ SearchAddon }) => {
      const addon = new SearchAddon()
      this.term.loadAddon(addon)
      return addon
    })
    const search = await this.#search
    if (upwards) search.findPrevious(text)
    else search.findNext(text)
  }

  constructor(options: TermOptions) {
    this.#mayPaste = options.mayPaste
    allowOwnStyles()
    this.term = new Terminal({
      fontFamily: FONT,
      fontSize: 13,
      scrollback: 10_000,
      screenReaderMode: options.screenReader,
      theme: terminalTheme(),
      allowProposedApi: true,
    })
    this.term.loadAddon(this.#fit)
    // Nobody clicks in the first moment.
    void import('@xterm/addon-web-links').then(({ WebLinksAddon }) =>
      this.term.loadAddon(
        new WebLinksAddon((_, uri) => window.open(uri, '_blank', 'noopener,noreferrer')),
      ),
    )
    this.#wire = new TerminalWire(
      {
        open: () => {
          const { protocol, host } = window.location
          const scheme = protocol === 'https:' ? 'wss' : 'ws'
          const path = `/api/v1/ws/terminal/${encodeURIComponent(options.server)}`
          return new WebSocket(`${scheme}://${host}${path}`) as unknown as BinarySocket
        },
        now: () => performance.now(),
        random: Math.random,
        setTimer: (run, ms) => window.setTimeout(run, ms),
        clearTimer: (timer) => window.clearTimeout(timer as number),
        renewSession,
      },
      {
        state: (wire) => this.#set({ wire }),
        opened: (opened) => this.#set({ opened, typedAt: performance.now() }),
        output: (data, shown) => this.term.write(data, shown),
        lost: () => this.term.write('\r\n\x1b[7m earlier output is not available \x1b[0m\r\n'),
      },
      { cols: 80, rows: 24, container: options.container, session: options.session },
    )
    this.term.onData((text) => this.#type(encoder.encode(text)))
    this.term.onBinary((text) => {
      this.#type(Uint8Array.from(text, (char) => char.charCodeAt(0)))
    })
    this.term.onResize(({ cols, rows }) => this.#wire.resize(cols, rows))
    this.term.onTitleChange((title) => this.#set({ title }))
    this.term.attachCustomKeyEventHandler((event) => this.#key(event, options))
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly snapshot = (): TermState => this.#state

  /** Shows the screen inside this element and, the first time, opens the line. */
  mount(element: HTMLElement): void {
    if (this.term.element) element.replaceChildren(this.term.element)
    else this.#open(element)
    this.fit()
    if (this.#started) return
    this.#started = true
    this.#wire.resize(this.term.cols, this.term.rows)
    this.#wire.start()
  }

  #open(element: HTMLElement): void {
    this.term.open(element)
    // Before the library's own listener, which would send it at once.
    this.term.element?.addEventListener('paste', this.#paste, { capture: true })
  }

  fit(): void {
    this.#fit.fit()
  }

  restyle(): void {
    this.term.options.theme = terminalTheme()
  }

  set screenReader(on: boolean) {
    this.term.options.screenReaderMode = on
  }

  set fontSize(size: number) {
    this.term.options.fontSize = size
    this.fit()
  }

  retryNow(): void {
    this.#wire.retryNow()
  }

  /** Ends the session and all that runs in it. */
  close(): void {
    this.#wire.close()
  }

  /** The page leaves; the session waits. */
  dispose(): void {
    this.#wire.stop()
    this.#listeners.clear()
    this.term.dispose()
  }

  copySelection(): string {
    return this.term.getSelection()
  }

  readonly #paste = (event: Event): void => {
    event.preventDefault()
    event.stopPropagation()
    const text = (event as ClipboardEvent).clipboardData?.getData('text/plain') ?? ''
    if (text === '') return
    void this.#mayPaste(text).then((go) => {
      if (go) this.term.paste(text)
      this.term.focus()
    })
  }

  #type(data: Uint8Array): void {
    this.#state.typedAt = performance.now()
    this.#wire.type(data)
  }

  /** False: the shell does not get this key. */
  #key(event: KeyboardEvent, options: TermOptions): boolean {
    if (event.type !== 'keydown') return true
    const mod = isMac ? event.metaKey : event.ctrlKey && event.shiftKey
    const key = event.key.toLowerCase()
    if (mod && key === 'c' && this.term.hasSelection()) {
      event.preventDefault()
      void navigator.clipboard?.writeText(this.term.getSelection()).catch(() => {})
      return false
    }
    if (mod && key === 'f') {
      event.preventDefault()
      options.onSearch()
      return false
    }
    if (event.ctrlKey && event.shiftKey && key === 'l') {
      event.preventDefault()
      options.onLeave()
      return false
    }
    // Pasting and the palette are the page's; everything else is the shell's.
    return !(mod && (key === 'v' || key === 'k'))
  }

  #set(change: Partial<TermState>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of [...this.#listeners]) listener()
  }
}
