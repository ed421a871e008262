#!/usr/bin/env bash
# `make check`: everything about the source that can be judged without running the product.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/sqlx.sh"
. "$ROOT/deploy/deny.sh"

# The load generator is left out of test builds, but not of the lints.
BENCH=chatops-testkit/bench

# A machine without the network says so and goes on: `make advisories` is the check that insists.
known_weaknesses() {
    local found=0
    advisories || found=$?
    [ "$found" -ne 2 ] || note "advisories: not checked, the RustSec database cannot be reached from here"
    [ "$found" -ne 1 ]
}

check_ui() {
    begin_ui_stamp
    npm --prefix "$ROOT/ui" run check
    finish_ui_stamp
}

lint() { cargo clippy --locked --quiet --workspace --all-targets --features "$BENCH" -- -D warnings; }

# Clippy compiles every crate anyway: when SQL may have changed, it learns the queries on the way.
check_rust() {
    local database_ran=yes
    if ! newer_than "$STAMPS/queries" "${QUERY_INPUTS[@]}"; then
        step_live "cargo clippy" lint
        return
    fi
    "$ROOT/deploy/dev-db.sh" running || database_ran=no
    learn_queries
    step_live "cargo clippy, queries against a real schema" lint
    forget_queries
    step "checked queries are current" queries_are_current
    touch "$STAMPS/queries"
    [ "$database_ran" = yes ] || "$ROOT/deploy/dev-db.sh" stop
}

document() { RUSTDOCFLAGS="-D warnings" cargo doc --locked --quiet --workspace --no-deps --features "$BENCH"; }

# With --workspace the libraries are built as the tests need them, not once more.
house_rules() { cargo test --locked --quiet --workspace --test house; }

cd "$ROOT"
export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"
prepare_host cc zoneinfo
install_ui_packages
# The server embeds the folder, so it must exist even if the web app cannot be built.
mkdir -p "$ROOT/ui/dist"

heading "Web app: lock file, lint, types, unused code, build, budgets"
attempt "web app" step_live "web app" check_ui

heading "Rust: format, lints, checked queries, documentation"
attempt "format" step "cargo fmt --check" cargo fmt --all --check
attempt "lints or queries" check_rust
attempt "documentation" step_live "cargo doc" document

heading "House: licences and sources, floors, owners, sizes, names, generated files"
attempt "licences or sources" step "cargo deny" deny
attempt "advisories" known_weaknesses
attempt "house rules" step_live "house rules" house_rules
attempt "generated files" step "generated files" "$ROOT/deploy/generated.sh"

[ -z "$BROKEN" ] || die "make check failed in: $BROKEN"
printf '\n%scheck passed%s\n' "$GREEN" "$PLAIN"
