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
    [ -z "${PROVIDER:-}" ] || { kill "$PROVIDER" 2>/dev/null && wait "$PROVIDER" || true; }
    [ -z "${SERVER:-}" ] || { kill -INT "$SERVER" 2>/dev/null && wait "$SERVER" || true; }
    [ -z "${CHATOPS_TEST_EVIDENCE:-}" ] || leave_evidence || true
    rm -rf "$HOME_OF_SERVER"
}

# For the search for secrets at the end of `make test` (testkit/src/evidence.rs): the logs, and what the
# installation made for itself. What the browser typed and was told the tests write down themselves.
leave_evidence() {
    local log data="$HOME_OF_SERVER/data"
    mkdir -p "$CHATOPS_TEST_EVIDENCE/logs" "$CHATOPS_TEST_EVIDENCE/secrets"
    for log in "$LOGS/e2e-server.log" "$data"/logs/*.log; do
        cp "$log" "$CHATOPS_TEST_EVIDENCE/logs/browser-$(basename "$log")"
    done
    (umask 077 && sed -nE 's/^([a-z_]+) = "([^" /]{21,})"$/\1\t\2/p' "$data/credentials.toml" >"$CHATOPS_TEST_EVIDENCE/secrets/browser-installation.tsv" &&
        printf "the provider's secret\t%s\n" "${CHATOPS_OIDC_CLIENT_SECRET:-}" >>"$CHATOPS_TEST_EVIDENCE/secrets/browser-installation.tsv")
}

# An OpenID provider beside the server; the tests say who there is in a file of accounts. To a browser it is another site.
start_provider() {
    local began=$SECONDS settings issuer
    CHATOPS_E2E_ACCOUNTS="$HOME_OF_SERVER/accounts.json"
    printf '{}\n' >"$CHATOPS_E2E_ACCOUNTS"
    CHATOPS_OIDC_CLIENT_SECRET=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
    settings=$(printf '{"client_secret": "%s", "redirect_uris": ["http://%s/api/v1/auth/oidc/callback"], "accounts": "%s", "host": "localhost"}' \
        "$CHATOPS_OIDC_CLIENT_SECRET" "$LISTEN" "$CHATOPS_E2E_ACCOUNTS")
    node "$ROOT/testkit/oidc/provider.mjs" "$settings" >"$LOGS/e2e-provider.log" 2>&1 3>&- &
    PROVIDER=$!
    until issuer=$(grep -om 1 'ISSUER .*' "$LOGS/e2e-provider.log"); do
        if ! kill -0 "$PROVIDER" 2>/dev/null || [ $((SECONDS - began)) -gt "$PATIENCE" ]; then
            die "the OpenID provider for the browser tests did not start within $PATIENCE s" "read $LOGS/e2e-provider.log"
        fi
        sleep 0.1
    done
    export CHATOPS_E2E_ACCOUNTS CHATOPS_OIDC_CLIENT_SECRET CHATOPS_OIDC_ISSUER="${issuer#ISSUER }" CHATOPS_OIDC_CLIENT_ID=chatops \
        CHATOPS_OIDC_NAME="Company account" CHATOPS_OIDC_ROLES="ops=operator"
}

# Sets what playwright.config.ts reads. The set-up token is in the address the server prints.
start_server() {
    local began=$SECONDS address port
    port=$(free_ports 5)
    LISTEN="127.0.0.1:$port"
    start_provider
    CHATOPS_NATS_LISTEN="127.0.0.1:$((port + 1))" CHATOPS_NATS_WEBSOCKET_LISTEN="127.0.0.1:$((port + 2))" \
        CHATOPS_NATS_MONITOR_LISTEN="127.0.0.1:$((port + 3))" CHATOPS_DATABASE_LISTEN="127.0.0.1:$((port + 4))" \
        CHATOPS_LOG_LEVEL="${CHATOPS_LOG_LEVEL:-info}" CHATOPS_AGENT_CAPABILITIES=all CHATOPS_ALERTING_INTERNAL_ADDRESSES=true \
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
install_provider
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
