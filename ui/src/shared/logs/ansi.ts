/** Colours and weights that programs write for terminals (SGR). Everything else they write is removed. */
export interface Span {
  text: string
  /** Class names, or nothing. */
  style: string
}

// Escape sequences: CSI …, OSC … up to BEL or ST, and the two-character ones.
const ESCAPE = '\u001b'
const SEQUENCE = new RegExp(
  `${ESCAPE}(?:\\[([0-9;:?]*)[ -/]*([@-~])|\\][^\u0007${ESCAPE}]*(?:\u0007|${ESCAPE}\\\\)|[@-Z\\\\-_])`,
  'g',
)
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/g

const COLOURS = [
  'ansi-black',
  'ansi-red',
  'ansi-green',
  'ansi-yellow',
  'ansi-blue',
  'ansi-magenta',
  'ansi-cyan',
  'ansi-white',
]

interface Pen {
  colour: string
  bold: boolean
  dim: boolean
  underline: boolean
}

function apply(pen: Pen, parameters: string): void {
  const codes = parameters.split(/[;:]/).map(Number)
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i] ?? 0
    if (code === 0) Object.assign(pen, { colour: '', bold: false, dim: false, underline: false })
    else if (code === 1) pen.bold = true
    else if (code === 2) pen.dim = true
    else if (code === 4) pen.underline = true
    else if (code === 22) Object.assign(pen, { bold: false, dim: false })
    else if (code === 24) pen.underline = false
    else if (code >= 30 && code <= 37) pen.colour = COLOURS[code - 30] ?? ''
    else if (code >= 90 && code <= 97) pen.colour = COLOURS[code - 90] ?? ''
    else if (code === 39) pen.colour = ''
    // 256 colours and RGB: our themes have no such colours; only their parameters are passed over.
    else if (code === 38 || code === 48) i += codes[i + 1] === 5 ? 2 : 4
  }
}

function styleOf(pen: Pen): string {
  return [
    pen.colour,
    pen.bold && 'font-semibold',
    pen.dim && 'opacity-70',
    pen.underline && 'underline',
  ]
    .filter(Boolean)
    .join(' ')
}

/** The text in pieces of one style. */
export function spans(text: string): Span[] {
  if (!text.includes(ESCAPE)) return [{ text: text.replace(CONTROL, ''), style: '' }]
  const pen: Pen = { colour: '', bold: false, dim: false, underline: false }
  const found: Span[] = []
  let from = 0
  const add = (to: number) => {
    const piece = text.slice(from, to).replace(CONTROL, '')
    if (piece) found.push({ text: piece, style: styleOf(pen) })
  }
  for (const match of text.matchAll(SEQUENCE)) {
    add(match.index)
    from = match.index + match[0].length
    if (match[2] === 'm') apply(pen, match[1] ?? '')
  }
  add(text.length)
  return found
}

/** The text alone. */
export function plain(text: string): string {
  return (text.includes(ESCAPE) ? text.replace(SEQUENCE, '') : text).replace(CONTROL, '')
}
