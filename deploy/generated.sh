#!/usr/bin/env bash
# Committed files that a program writes are what it would write: JSON Schema, AsyncAPI and OpenAPI
# are compared by tests of their crates; here, the web app's copy of the contract and its types.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

cd "$ROOT"
[ ! -x "$RUNTIME/node/bin/node" ] || export PATH="$PATH:$RUNTIME/node/bin"
cmp api/openapi.json ui/openapi.json || die "ui/openapi.json is not the API's contract" "copy api/openapi.json there and run: npm --prefix ui run gen"
ui/node_modules/.bin/openapi-typescript ui/openapi.json -o "$RUN/schema.d.ts"
cmp "$RUN/schema.d.ts" ui/src/shared/api/schema.d.ts || die "ui/src/shared/api/schema.d.ts is not generated from ui/openapi.json" "run: npm --prefix ui run gen"
"$(command -v node)" ui/scripts/asyncapi.mjs api/asyncapi.json || die "api/asyncapi.json is not what AsyncAPI 3.0 allows" "mend schemas/src/asyncapi or api/src/asyncapi.rs and bless it: CHATOPS_BLESS=1 cargo nextest run -p chatops-api asyncapi"
