#!/usr/bin/env bash
# `make e2e`: browser tests in headless Chromium against `chatops up` of the test build, with its
# own servers, ports and data, all gone afterwards. Arguments go to Playwright; without any, everything
# but what measures time runs (that is `make e2e ARGS="--project perf"`).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$ROOT/deploy/host.sh"
. "$ROOT/deploy/build.sh"

# Seconds from the start of the server to its address.
PATIENCE=60

stop_server() {
    [ -z "${SERVER:-}" ] || { kill -INT "$SERVER" 2>/dev/null && wait "$SERVER" || true; }
    rm -rf "$HOME_OF_SERVER"
}

# Sets what playwright.config.ts reads. The set-up token is in the address the server prints.
start_server() {
    local began=$SECONDS address port
    port=$(free_ports 5)
    LISTEN="127.0.0.1:$port"
    CHATOPS_NATS_LISTEN="127.0.0.1:$((port + 1))" CHATOPS_NATS_WEBSOCKET_LISTEN="127.0.0.1:$((port + 2))" \
        CHATOPS_NATS_MONITOR_LISTEN="127.0.0.1:$((port + 3))" CHATOPS_DATABASE_LISTEN="127.0.0.1:$((port + 4))" \
        CHATOPS_LOG_LEVEL="${CHATOPS_LOG_LEVEL:-info}" CHATOPS_AGENT_CAPABILITIES=all \
        "$TARGET/debug/chatops" up --data "$HOME_OF_SERVER/data" --listen "$LISTEN" >"$LOGS/e2e-server.log" 2>&1 3>&- &
    SERVER=$!
    until address=$(grep -om 1 "http://$LISTEN/setup#token=[^[:space:]]*" "$LOGS/e2e-server.log"); do
        if ! kill -0 "$SERVER" 2>/dev/null || [ $((SECONDS - began)) -gt "$PATIENCE" ]; then
            tail -n 25 "$LOGS/e2e-server.log" | sed 's/^/    | /' >&2
            die "the server for the browser tests did not start within $PATIENCE s" "read $LOGS/e2e-server.log"
        fi
        sleep 0.1
    done
    export CHATOPS_E2E_URL="http://$LISTEN" CHATOPS_E2E_SETUP_TOKEN="${address#*token=}"
    note "server for the tests: $CHATOPS_E2E_URL (log: $LOGS/e2e-server.log)"
}

cd "$ROOT"
prepare_host cc zoneinfo chromium
build_ui
find_chromium >/dev/null || step_live "a Chromium for the tests" provide_chromium
# The same features as the tests get, so that nothing is compiled twice.
step_live "server and agent for the browser tests" cargo build --locked --quiet --workspace --bins --tests
mkdir -p "$LOGS"
HOME_OF_SERVER=$(mktemp -d "${TMPDIR:-/tmp}/chatops-e2e-XXXXXX")
# PostgreSQL may run as another user, who has to pass through.
chmod 711 "$HOME_OF_SERVER"
trap stop_server EXIT
start_server
CHATOPS_E2E_CHROMIUM=$(find_chromium)
export CHATOPS_E2E_CHROMIUM
[ $# -gt 0 ] || set -- --project app
step_live "browser tests" npm --prefix "$ROOT/ui" run --silent e2e -- "$@"
