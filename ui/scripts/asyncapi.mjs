// Holds an AsyncAPI document to the official JSON Schema of AsyncAPI 3.0, and to what a schema cannot
// say: every reference leads somewhere. Called by deploy/generated.sh with the committed document.
// Before it says yes it breaks copies and sees them refused, so that it cannot pass by doing nothing.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Ajv } from 'ajv'

const require = createRequire(import.meta.url)
const schema = require('@asyncapi/specs/schemas/3.0.0.json')
// It brings a copy of the metaschema that the validator has already.
delete schema.definitions['http://json-schema.org/draft-07/schema']
// The schema of the standard is not written in the validator's strict mode.
const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema)

function target(document, reference) {
  let at = document
  for (const step of reference.slice(2).split('/')) {
    at = at?.[decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  return at
}

function* references(value, path = '') {
  if (value === null || typeof value !== 'object') return
  for (const [key, inner] of Object.entries(value)) {
    if (key === '$ref' && typeof inner === 'string') yield [`${path}/$ref`, inner]
    else yield* references(inner, `${path}/${key}`)
  }
}

function problems(document) {
  const found = validate(document)
    ? []
    : validate.errors.map(({ instancePath, message }) => `${instancePath || '/'}: ${message}`)
  for (const [path, reference] of references(document)) {
    if (!reference.startsWith('#/')) found.push(`${path}: ${reference} leads out of the document`)
    else if (target(document, reference) === undefined) {
      found.push(`${path}: nothing is at ${reference}`)
    }
  }
  return found
}

const text = readFileSync(process.argv[2], 'utf8')
const found = problems(JSON.parse(text))
if (found.length > 0) {
  console.error(`${process.argv[2]} is not a valid AsyncAPI 3.0 document:`)
  console.error(found.slice(0, 40).join('\n'))
  process.exit(1)
}

const breaks = {
  'a channel whose address is a number': (copy) => {
    Object.values(copy.channels)[0].address = 7
  },
  'an operation that neither sends nor receives': (copy) => {
    Object.values(copy.operations)[0].action = 'shout'
  },
  'a message that does not exist': (copy) => {
    Object.values(Object.values(copy.channels)[0].messages)[0].$ref = '#/components/messages/none'
  },
  'no info': (copy) => {
    delete copy.info
  },
}
for (const [what, change] of Object.entries(breaks)) {
  const copy = JSON.parse(text)
  change(copy)
  if (problems(copy).length === 0) {
    console.error(`${what} is not noticed: this check proves nothing`)
    process.exit(1)
  }
}
