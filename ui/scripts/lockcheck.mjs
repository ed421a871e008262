// `npm install` writes an incomplete lock file without a word when a registry lacks a platform's
// package, and `npm ci` then fails on other machines. This finds every optional package that a
// locked package names and the lock file does not have. It also refuses addresses of registries:
// everybody installs from their own.
import { readFileSync } from 'node:fs'

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'))
const problems = []
for (const [path, entry] of Object.entries(lock.packages)) {
  if (entry.resolved && !entry.link) problems.push(`${path}: names where it came from`)
  for (const name of Object.keys(entry.optionalDependencies ?? {})) {
    if (!lock.packages[`node_modules/${name}`] && !lock.packages[`${path}/node_modules/${name}`]) {
      problems.push(`${path || 'package.json'}: optional ${name} is missing`)
    }
  }
}
if (problems.length > 0) {
  console.error(problems.join('\n'))
  process.exit(1)
}
