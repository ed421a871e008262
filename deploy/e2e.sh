#!/usr/bin/env bash
# `make e2e`: browser tests in headless Chromium against the server binary of the test build.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$ROOT/deploy/host.sh"
. "$ROOT/deploy/build.sh"

cd "$ROOT"
prepare_host cc zoneinfo chromium
build_ui
# The same features as the tests get, so that nothing is compiled twice.
step_live "server and agent for the browser tests" cargo build --locked --workspace --bins --tests
export CHATOPS_BIN_DIR="$TARGET/debug"
export CHATOPS_CHROMIUM="${CHATOPS_CHROMIUM:-$(command -v chromium || command -v chromium-browser)}"
step_live "browser tests" npm --prefix "$ROOT/ui" run --silent e2e -- "$@"
