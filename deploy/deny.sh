#!/usr/bin/env bash
# cargo-deny: licences, banned crates and sources for `make check`; known weaknesses of what is used, which need the
# network, for `make advisories`. Sourced by check.sh; run by itself it is that verb.
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"

# Built without optimisation (a minute instead of five) and kept in .run/tools.
CARGO_DENY=0.20.2
export PATH="$RUN/tools/bin:$PATH"

install_deny() {
    cargo deny --version >/dev/null 2>&1 && return
    CARGO_TARGET_DIR="$RUN/tools/target" CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --no-default-features \
        --root "$RUN/tools" "cargo-deny@$CARGO_DENY"
    rm -rf "$RUN/tools/target"
}

deny() {
    install_deny
    cargo deny --locked check licenses bans sources
}

# 0: none apply. 1: some do, and they are shown. 2: the database of known weaknesses cannot be reached.
advisories() {
    local log="$LOGS/advisories.log"
    install_deny
    if cargo deny --locked check advisories >"$log" 2>&1; then
        note "advisories: none apply"
    elif grep -q 'failed to fetch advisory database' "$log"; then
        return 2
    else
        cat "$log" >&2
        return 1
    fi
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -euo pipefail
    cd "$ROOT"
    heading "Known weaknesses of the crates that are used"
    found=0
    advisories || found=$?
    case $found in
        0) ;;
        2) die "the RustSec database cannot be reached from here" "run it where github.com can be reached; what failed is in $LOGS/advisories.log" ;;
        *) die "a crate has a known weakness" "update it, or say in deny.toml why it does not matter here" ;;
    esac
fi
