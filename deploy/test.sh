#!/usr/bin/env bash
# `make test`: all tests. Every part runs even when an earlier one failed; the last line counts.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$ROOT/deploy/host.sh"
. "$ROOT/deploy/build.sh"
. "$ROOT/deploy/count.sh"
. "$ROOT/deploy/engine.sh"

rust_tests() {
    local without=()
    [ -z "$NO_ENGINE" ] || without+=(with_engine)
    [ -z "$NO_PODMAN" ] || without+=(with_podman)
    if cargo nextest --version >/dev/null 2>&1; then
        # nextest does not run the examples in the documentation.
        cargo nextest run --locked --workspace --no-fail-fast \
            ${without:+-E "not test(/(^|::)($(IFS='|' && echo "${without[*]}"))::/)"} &&
            cargo test --locked --quiet --workspace --doc
    else
        cargo test --locked --workspace --no-fail-fast ${without:+-- ${without[@]/#/--skip }}
    fi
}

cd "$ROOT"
export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"
set -e
prepare_host cc zoneinfo chromium
build_ui
install_provider
look_for_engine
look_for_podman
set +e

# What the tests leave to be searched for secrets: logs, and the secrets in files of this user alone.
CHATOPS_TEST_EVIDENCE=$(mktemp -d "${TMPDIR:-/tmp}/chatops-evidence-XXXXXX")
export CHATOPS_TEST_EVIDENCE
# PostgreSQL may run as another user, but none of its files lies here.
mkdir "$CHATOPS_TEST_EVIDENCE/logs"
trap 'rm -rf "$CHATOPS_TEST_EVIDENCE"' EXIT

heading "Rust, against real nats-server and TimescaleDB"
counted "Rust" rust_tests
heading "Web app"
counted "web app" npm --prefix "$ROOT/ui" run --silent test
heading "Browser"
counted "browser" "$ROOT/deploy/e2e.sh"
heading "Secrets in the logs of all of them"
counted "secrets in logs" "$ROOT/deploy/secrets.sh" "$CHATOPS_TEST_EVIDENCE" chatops agent server browser within-chatops-api \
    within-chatops-ingest
report_counts
