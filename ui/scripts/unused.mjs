// Finds source files that nothing imports and exports that nothing uses, and holds the layers: shared
// never imports a feature, a feature never another one. Text search is enough for a code base without
// barrels and `export *`; it needs no dependency and takes milliseconds.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

const src = new URL('../src/', import.meta.url).pathname
const files = readdirSync(src, { recursive: true })
  .map((name) => join(src, name.toString()))
  .filter((path) => /\.tsx?$/.test(path) && statSync(path).isFile())
const text = new Map(files.map((path) => [path, readFileSync(path, 'utf8')]))
const isTest = (path) => /\.test\.tsx?$/.test(path)
const isRoot = (path) =>
  /\/(main|test-setup)\.tsx?$|routeTree\.gen\.ts$|\/routes\/|schema\.d\.ts$/.test(path)

function target(from, specifier) {
  if (!/^[.@]\/|^\.\.\//.test(specifier)) return null
  const base = specifier.startsWith('@/')
    ? join(src, specifier.slice(2))
    : resolve(dirname(from), specifier)
  return ['', '.ts', '.tsx', '.d.ts']
    .map((end) => base + end)
    .find((path) => existsSync(path) && statSync(path).isFile())
}

const problems = []
const importers = new Map(files.map((path) => [path, []]))
for (const [path, content] of text) {
  for (const [, specifier] of content.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
    const to = target(path, specifier)
    if (!to) continue
    importers.get(to)?.push(path)
    const [layer, feature] = relative(src, path).split('/')
    const [toLayer, toFeature] = relative(src, to).split('/')
    if (layer === 'shared' && toLayer !== 'shared') {
      problems.push(`${relative(src, path)} imports ${relative(src, to)}: shared stands below`)
    }
    if (layer === 'features' && (toLayer === 'routes' || toLayer === 'app')) {
      problems.push(`${relative(src, path)} imports ${relative(src, to)}: features stand below`)
    }
    if (layer === 'features' && toLayer === 'features' && feature !== toFeature) {
      problems.push(`${relative(src, path)} imports the inside of the feature ${toFeature}`)
    }
  }
}
for (const path of files) {
  if (isTest(path) || isRoot(path)) continue
  const users = importers.get(path).filter((user) => !isTest(user))
  if (users.length === 0) problems.push(`${relative(src, path)} is imported by nobody`)
  const exported = [
    ...text
      .get(path)
      .matchAll(/^export (?:async )?(?:function|const|class|type|interface) (\w+)/gm),
  ].map((found) => found[1])
  for (const name of exported) {
    const word = new RegExp(`\\b${name}\\b`, 'g')
    // Named in the signature of something else in its own file is a use, too: the type of a prop.
    const own = text.get(path).match(word).length > 1
    const used = importers.get(path).some((user) => word.test(text.get(user)))
    if (!used && !own) problems.push(`${relative(src, path)} exports ${name}, which nobody uses`)
  }
}
if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exit(1)
}
