#!/usr/bin/env bash
# Queries are checked against a real schema when they compile; what was learnt is committed in
# projections/.sqlx, so that everybody else compiles without a database. `sqlx.sh refresh` (that
# is `make sqlx`) rewrites the folder; `make check` sources the functions to see it is current.
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$ROOT/deploy/host.sh"
. "$ROOT/deploy/build.sh"

QUERIES="$ROOT/projections/.sqlx"
LEARNT="$RUN/sqlx"
QUERY_INPUTS=("$ROOT/projections/src" "$ROOT/projections/migrations" "$ROOT/projections/.sqlx" "$ROOT/projections/Cargo.toml")

# Makes the next compilation of projections talk to a freshly migrated database and write down
# what it learns. The crate compiles anew because its source looks younger.
learn_queries() {
    rm -rf "$LEARNT"
    mkdir -p "$LEARNT" "$QUERIES"
    DATABASE_URL=$("$ROOT/deploy/dev-db.sh" fresh chatops_queries)
    export DATABASE_URL SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$LEARNT"
    touch -c "$ROOT/projections/src/lib.rs"
}

forget_queries() { unset DATABASE_URL SQLX_OFFLINE SQLX_OFFLINE_DIR; }

refresh_queries() {
    learn_queries
    cargo check --locked -p chatops-projections --all-targets
    rm -f "$QUERIES"/query-*.json
    find "$LEARNT" -name 'query-*.json' -exec cp {} "$QUERIES" \;
}

# After a compilation that learnt: is the committed folder what a refresh would write?
queries_are_current() {
    diff -rq "$LEARNT" "$QUERIES" || die "the checked queries in projections/.sqlx are not current" "run make sqlx and commit the folder"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -euo pipefail
    [ "${1:-}" = refresh ] || die "unknown verb '${1:-}'" "use: sqlx.sh refresh"
    cd "$ROOT"
    prepare_host cc zoneinfo
    step "queries checked against the schema" refresh_queries
    note "$(find "$QUERIES" -name 'query-*.json' | wc -l) queries in projections/.sqlx"
fi
