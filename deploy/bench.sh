#!/usr/bin/env bash
# `make bench`: release binaries, then the load generator; one table, or JSON with ARGS=--json.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$ROOT/deploy/host.sh"
. "$ROOT/deploy/build.sh"
. "$ROOT/deploy/engine.sh"

cd "$ROOT"
prepare_host cc zoneinfo
build_ui
step_live "server and agent (cargo build --release)" cargo build --release --locked --quiet -p chatops -p chatops-agent
step_live "load generator (cargo build --release)" cargo build --release --locked --quiet -p chatops-testkit --features bench --bin chatops-bench
mkdir -p "$LOGS"
look_for_engine
# Why nothing of containers is measured, if it is not.
export CHATOPS_NO_ENGINE="$NO_ENGINE"
exec "$TARGET/release/chatops-bench" "$@" 3>&-
