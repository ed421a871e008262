#!/usr/bin/env bash
# A PostgreSQL for development, detached, so that checked queries compile against a real schema.
#   dev-db.sh [start] [NAME]   starts it, applies projections/migrations to the database NAME
#                              (default chatops_dev), prints its DATABASE_URL alone on stdout
#   dev-db.sh fresh [NAME]     the same on an empty database
#   dev-db.sh running          answers by its exit code
#   dev-db.sh stop             ends it and deletes its data
# It lives in the temporary directory: PostgreSQL, run as another user when root starts it, could
# not enter every checkout, and a socket's path must be short.
set -euo pipefail
exec 4>&1 1>&2
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$ROOT/deploy/host.sh"

DEV="${TMPDIR:-/tmp}/chatops-dev-$(printf '%s' "$ROOT" | cksum | cut -d' ' -f1)"
DATA="$DEV/postgres"
SOCKET="$DEV/socket"
DATABASE="${2:-chatops_dev}"

running() { as_database_user "$RUNTIME/bin/pg_ctl" status -D "$DATA" >/dev/null 2>&1; }

query() { PGOPTIONS="-c client_min_messages=warning" "$RUNTIME/bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$SOCKET" -p "$(cat "$DEV/port")" -U chatops "$@"; }

create_cluster() {
    rm -rf "$DATA"
    mkdir -p "$DATA" "$SOCKET"
    [ -z "$(database_user)" ] || chown "$(database_user)" "$DATA" "$SOCKET"
    as_database_user "$RUNTIME/bin/initdb" -D "$DATA" -U chatops -A trust --no-instructions --no-sync --locale-provider builtin --builtin-locale C.UTF-8 --locale C -E UTF8
    cat >>"$DATA/postgresql.conf" <<CONFIGURATION
shared_preload_libraries = 'timescaledb'
timescaledb.telemetry_level = off
timescaledb.max_background_workers = 0
jit = off
listen_addresses = '127.0.0.1'
unix_socket_directories = '$SOCKET'
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 64MB
CONFIGURATION
}

start_cluster() {
    [ -s "$DEV/port" ] || free_ports 1 >"$DEV/port"
    # Its own session and none of our descriptors, so it outlives this script and blocks nobody.
    (cd / && as_database_user setsid "$RUNTIME/bin/pg_ctl" start -w -t 30 -D "$DATA" -l "$DATA/postgres.log" -o "-p $(cat "$DEV/port")") 3>&- 4>&- </dev/null
}

# Migrations are plain SQL files in name order; what was applied is remembered by checksum.
# A changed or vanished file means the schema is from another past: the database is rebuilt.
migrate() {
    local file want have sum size transaction
    query -d postgres -c "SELECT 1 FROM pg_database WHERE datname = '$DATABASE'" -At | grep -q 1 || query -d postgres -c "CREATE DATABASE \"$DATABASE\""
    have="$DEV/$DATABASE.applied"
    touch "$have"
    mkdir -p "$ROOT/projections/migrations"
    want=$(cd "$ROOT/projections" && find migrations -name '*.sql' | sort | xargs -r cksum)
    if [ "$(head -n "$(wc -l <"$have")" <<<"$want")" != "$(cat "$have")" ]; then
        query -d postgres -c "DROP DATABASE \"$DATABASE\" WITH (FORCE)" -c "CREATE DATABASE \"$DATABASE\""
        : >"$have"
    fi
    tail -n +"$(($(wc -l <"$have") + 1))" <<<"$want" | while read -r sum size file; do
        [ -n "$file" ] || continue
        echo "apply $file"
        transaction=(--single-transaction)
        ! head -n 1 "$ROOT/projections/$file" | grep -q '^-- no-transaction' || transaction=()
        query -d "$DATABASE" "${transaction[@]}" -f "$ROOT/projections/$file"
        printf '%s %s %s\n' "$sum" "$size" "$file" >>"$have"
    done
}

case "${1:-start}" in
    stop)
        ! running || step "stop the development database" as_database_user "$RUNTIME/bin/pg_ctl" stop -m fast -D "$DATA"
        rm -rf "$DEV"
        ;;
    running) running ;;
    start | fresh)
        [ -x "$RUNTIME/bin/postgres" ] || "$ROOT/deploy/runtime.sh"
        mkdir -p "$DEV"
        [ -O "$DEV" ] || die "$DEV belongs to somebody else" "set TMPDIR to a directory of your own"
        [ -s "$DATA/PG_VERSION" ] || step "create the development database" create_cluster
        running || step "start the development database" start_cluster
        if [ "${1:-start}" = fresh ]; then
            query -d postgres -c "DROP DATABASE IF EXISTS \"$DATABASE\" WITH (FORCE)"
            rm -f "$DEV/$DATABASE.applied"
        fi
        step "apply migrations to $DATABASE" migrate
        printf 'postgres://chatops@127.0.0.1:%s/%s\n' "$(cat "$DEV/port")" "$DATABASE" >&4
        ;;
    *) die "unknown verb '$1'" "use one of: start, fresh, running, stop" ;;
esac
