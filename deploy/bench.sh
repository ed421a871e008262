#!/usr/bin/env bash
# `make bench`: release binaries, then the load generator; one table, or JSON with ARGS=--json.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$ROOT/deploy/host.sh"
. "$ROOT/deploy/build.sh"

cd "$ROOT"
prepare_host cc zoneinfo
build_ui
step_live "server and agent (cargo build --release)" cargo build --release --locked --quiet -p chatops -p chatops-agent
step_live "load generator (cargo build --release)" cargo build --release --locked --quiet -p chatops-testkit --features bench --bin chatops-bench
exec "$TARGET/release/chatops-bench" "$@" 3>&-
