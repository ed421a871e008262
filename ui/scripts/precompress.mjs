// Writes a .br and a .gz beside every text file of dist/, so that the server sends ready bytes.
// A compressed file is kept only when it is smaller; the server falls back to the plain one.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

const dist = new URL('../dist/', import.meta.url).pathname
const TEXT = new Set(['.html', '.js', '.css', '.svg', '.json', '.txt'])
const SMALLEST = 256

const files = readdirSync(dist, { recursive: true })
  .map((name) => join(dist, name.toString()))
  .filter((path) => statSync(path).isFile() && TEXT.has(extname(path)))
  // Of use to the size gate only, and named with a dot: not served.
  .filter((path) => !path.includes('/.vite/'))

let plain = 0
let packed = 0
await Promise.all(
  files.map(async (path) => {
    const bytes = readFileSync(path)
    if (bytes.length < SMALLEST) return
    const [br, gz] = await Promise.all([
      promisify(brotliCompress)(bytes, {
        params: {
          [constants.BROTLI_PARAM_QUALITY]: 11,
          [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
        },
      }),
      promisify(gzip)(bytes, { level: 9 }),
    ])
    if (br.length < bytes.length) writeFileSync(`${path}.br`, br)
    if (gz.length < bytes.length) writeFileSync(`${path}.gz`, gz)
    plain += bytes.length
    packed += br.length
  }),
)
const kib = (bytes) => `${(bytes / 1024).toFixed(0)} KiB`
console.log(`precompressed ${files.length} files: ${kib(plain)} → ${kib(packed)} brotli`)
