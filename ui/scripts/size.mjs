// The size budget: JavaScript and CSS that the first load of each route fetches, gzipped, and the
// whole of what gets embedded. Run after a build; exits with 1 when a limit is passed.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const dist = new URL('../dist/', import.meta.url).pathname
const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'))

/** Route files of a page, outermost first, its limit in KiB of gzipped JavaScript, and of styles where not the usual one. */
const ROUTES = {
  login: [['login'], 150],
  setup: [['setup'], 150],
  register: [['register'], 150],
  list: [['_app', '_app/servers.index'], 190],
  detail: [['_app', '_app/servers.$id', '_app/servers.$id.index'], 204, 13],
  processes: [['_app', '_app/servers.$id', '_app/servers.$id.processes'], 190],
  commands: [['_app', '_app/commands.index'], 190],
  command: [['_app', '_app/commands.$commandId'], 190],
  'server commands': [['_app', '_app/servers.$id', '_app/servers.$id.commands'], 190],
  services: [['_app', '_app/servers.$id', '_app/servers.$id.services'], 190],
  containers: [['_app', '_app/servers.$id', '_app/servers.$id.containers.index'], 190],
  terminal: [['_app', '_app/servers.$id', '_app/servers.$id.terminal.index'], 254, 13],
  recording: [['_app', '_app/servers.$id', '_app/servers.$id.terminal.$session'], 250, 13],
  connections: [['_app', '_app/servers.$id', '_app/servers.$id.connections'], 190],
  logs: [['_app', '_app/logs'], 190],
  'server logs': [['_app', '_app/servers.$id', '_app/servers.$id.logs'], 190],
  'server settings': [['_app', '_app/servers.$id', '_app/servers.$id.settings'], 190],
  'add server': [['_app', '_app/servers.new'], 190],
  connect: [['_app', '_app/servers.$id_.connect'], 190],
  join: [['join'], 150],
  access: [['_app', '_app/servers.$id', '_app/servers.$id.access'], 190],
  audit: [['_app', '_app/audit'], 190],
  people: [['_app', '_app/people', '_app/people.index'], 190],
  teams: [['_app', '_app/people', '_app/people.teams'], 190],
  sharing: [['_app', '_app/people', '_app/people.sharing'], 190],
  invitations: [['_app', '_app/people', '_app/people.invitations'], 190],
  settings: [['_app', '_app/settings', '_app/settings.index'], 190],
  security: [['_app', '_app/settings', '_app/settings.security'], 190],
  sessions: [['_app', '_app/settings', '_app/settings.sessions'], 190],
  tokens: [['_app', '_app/settings', '_app/settings.tokens'], 190],
  keys: [['_app', '_app/settings', '_app/settings.keys'], 190],
  system: [['_app', '_app/settings', '_app/settings.system'], 190],
  alerts: [['_app', '_app/alerts.index'], 190],
  alert: [['_app', '_app/alerts.$id'], 190],
  'alert rules': [['_app', '_app/alerts.rules.index'], 190],
  'edit an alert rule': [['_app', '_app/alerts.rules.$id'], 190],
  silences: [['_app', '_app/alerts.silences'], 190],
  'alert channels': [['_app', '_app/alerts.channels.index'], 190],
  'edit an alert channel': [['_app', '_app/alerts.channels.$id'], 190],
  jobs: [['_app', '_app/jobs.index'], 190],
  scripts: [['_app', '_app/scripts.index'], 190],
  script: [['_app', '_app/scripts.$id.index'], 190],
  'edit a script': [['_app', '_app/scripts.$id.edit'], 190],
  schedules: [['_app', '_app/schedules.index'], 190],
  schedule: [['_app', '_app/schedules.$id.index'], 190],
  'edit a schedule': [['_app', '_app/schedules.$id.edit'], 190],
}
const CSS_LIMIT = 12
// All pages together, which nobody loads at once. 500 until there was a terminal, whose emulator alone is 92; 600 until
// there was alerting, whose pages are 40.
const ALL_LIMIT = 640
const EMBEDDED_LIMIT = 1024

const gz = new Map()
const gzipped = (file) => {
  if (!gz.has(file)) gz.set(file, gzipSync(readFileSync(join(dist, file)), { level: 9 }).length)
  return gz.get(file)
}

/** The chunk and everything it imports statically. */
function closure(keys) {
  const seen = new Set()
  const visit = (key) => {
    if (seen.has(key) || !manifest[key]) return
    seen.add(key)
    for (const next of manifest[key].imports ?? []) visit(next)
  }
  keys.forEach(visit)
  return [...seen].map((key) => manifest[key])
}

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry)
const kib = (bytes) => bytes / 1024
let failed = false
const report = (name, size, limit) => {
  const over = size > limit
  failed ||= over
  console.log(
    `${over ? 'OVER ' : 'ok   '} ${name.padEnd(22)} ${size.toFixed(1).padStart(7)} KiB of ${limit}`,
  )
}

for (const [name, [routes, limit, cssLimit = CSS_LIMIT]] of Object.entries(ROUTES)) {
  const keys = routes.map((route) => {
    const key = Object.keys(manifest).find((k) => k.startsWith(`src/routes/${route}.tsx?`))
    if (!key) throw new Error(`no chunk for the route ${route}`)
    return key
  })
  const chunks = closure([entry, ...keys])
  const scripts = chunks.reduce((sum, chunk) => sum + gzipped(chunk.file), 0)
  const styles = new Set(chunks.flatMap((chunk) => chunk.css ?? []))
  report(`js ${name}`, kib(scripts), limit)
  report(`css ${name}`, kib([...styles].reduce((sum, file) => sum + gzipped(file), 0)), cssLimit)
}

const assets = readdirSync(join(dist, 'assets'))
const code = assets.filter((name) => /\.(js|css)$/.test(name))
report(
  'all js and css',
  kib(code.reduce((sum, name) => sum + gzipped(`assets/${name}`), 0)),
  ALL_LIMIT,
)

let embedded = 0
for (const name of readdirSync(dist, { recursive: true })) {
  const path = join(dist, name.toString())
  if (!statSync(path).isFile() || path.includes('/.vite/') || /\.(br|gz)$/.test(path)) continue
  try {
    embedded += statSync(`${path}.br`).size
  } catch {
    embedded += statSync(path).size
  }
}
report('embedded (brotli)', kib(embedded), EMBEDDED_LIMIT)
process.exit(failed ? 1 : 0)
