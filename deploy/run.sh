#!/usr/bin/env bash
# `make run`: everything a fresh machine needs, then `chatops up` in place of this script.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$ROOT/deploy/host.sh"
. "$ROOT/deploy/build.sh"

cd "$ROOT"
started=$(now_ms)
prepare_host cc zoneinfo
build_ui
need_space "$TARGET" 200 "building"
# Cargo shows its own progress and is done at once when nothing changed.
step_live "server and agent (cargo build --release)" cargo build --release --locked --quiet -p chatops -p chatops-agent
note "ready to start after $(elapsed "$started")"
exec "$TARGET/release/chatops" up "$@" 3>&-
