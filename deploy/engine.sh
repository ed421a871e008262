# Sourced after host.sh: a container engine for the tests that need one.

# Sets NO_ENGINE to the reason why no engine can run here, or to nothing. One is started on trial, because only that tells.
look_for_engine() {
    local packages trial engine began=$SECONDS
    NO_ENGINE=''
    [ "$(id -u)" -eq 0 ] || { NO_ENGINE="a container engine needs root"; return 0; }
    mapfile -t packages < <(missing_packages engine)
    if [ ${#packages[@]} -gt 0 ]; then
        note "installing Debian packages: ${packages[*]}"
        # In a subshell: this may fail without ending the tests.
        (apt_install "${packages[@]}") >"$LOGS/engine-packages.log" 2>&1 3>&1 ||
            { NO_ENGINE="apt-get could not install ${packages[*]}; read $LOGS/engine-packages.log"; return 0; }
    fi
    trial=$(mktemp -d "${TMPDIR:-/tmp}/chatops-engine-XXXXXX")
    start_engine "$trial"
    until grep -q 'API listen on' "$trial/log"; do
        if ! kill -0 "$ENGINE" 2>/dev/null || [ $((SECONDS - began)) -gt 30 ]; then
            NO_ENGINE="dockerd does not start: $(tail -n 1 "$trial/log")"
            break
        fi
        sleep 0.1
    done
    stop_engine
    rm -rf "$trial"
}

# start_engine FOLDER: sets ENGINE; the socket is FOLDER/engine.sock.
start_engine() {
    sh "$ROOT/testkit/src/engine/run.sh" "$1" >"$1/log" 2>&1 3>&- </dev/null &
    ENGINE=$!
}

stop_engine() {
    [ -z "${ENGINE:-}" ] || { kill -KILL "$ENGINE" 2>/dev/null; wait "$ENGINE" 2>/dev/null || true; }
    ENGINE=''
}

# Sets NO_PODMAN to the reason why Podman runs no container here, or to nothing: one is run on trial.
look_for_podman() {
    local packages trial
    NO_PODMAN=''
    [ "$(id -u)" -eq 0 ] || { NO_PODMAN="Podman is tested as root"; return 0; }
    mapfile -t packages < <(missing_packages podman)
    if [ ${#packages[@]} -gt 0 ]; then
        note "installing Debian packages: ${packages[*]}"
        (apt_install "${packages[@]}") >"$LOGS/podman-packages.log" 2>&1 3>&1 ||
            { NO_PODMAN="apt-get could not install ${packages[*]}; read $LOGS/podman-packages.log"; return 0; }
    fi
    trial=$(mktemp -d "${TMPDIR:-/tmp}/chatops-podman-XXXXXX")
    { sh "$ROOT/testkit/src/engine/image.sh" "$trial" &&
        sh "$ROOT/testkit/src/engine/podman.sh" "$trial" run --rm --network none --rootfs "$trial/image" /bin/busybox true; } \
        >"$trial/log" 2>&1 3>&- </dev/null || NO_PODMAN="podman runs no container here: $(tail -n 1 "$trial/log")"
    rm -rf "$trial"
}

# Tests that only run with an engine, or with Podman, live in files or folders of this name.
engine_tests() { git -C "$ROOT" grep -hE '#\[tokio::test' -- "*with_$1*" | wc -l; }
