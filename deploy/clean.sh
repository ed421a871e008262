#!/usr/bin/env bash
# `make clean`: what can be built again. The data of `make run` stays unless told `all`.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$ROOT/deploy/host.sh"

cd "$ROOT"
[ ! -x "$RUNTIME/bin/postgres" ] || "$ROOT/deploy/dev-db.sh" stop
rm -rf ui/dist ui/node_modules ui/test-results ui/playwright-report
if [ -d "$RUN" ]; then
    find "$RUN" -mindepth 1 -maxdepth 1 ! -name data -exec rm -rf {} +
    if [ "${1:-}" = all ]; then
        # Run by root in a place that PostgreSQL's user cannot enter, `up` keeps the database elsewhere.
        case "$(readlink "$RUN/data/postgres" || true)" in
            /var/lib/chatops/data-*/postgres) rm -rf "$(dirname "$(readlink "$RUN/data/postgres")")" ;;
        esac
        rm -rf "$RUN"
    fi
fi
# A target directory that is set from outside may be shared with other projects.
if [ -n "${CARGO_TARGET_DIR:-}" ]; then note "left alone: $CARGO_TARGET_DIR"; else rm -rf target; fi
[ ! -d "$RUN/data" ] || note "kept: $RUN/data (make clean ALL=1 deletes it)"
