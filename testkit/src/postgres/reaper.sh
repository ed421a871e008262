# Ends the shared test server: `sh reaper.sh now|later DIRECTORY`. See shared.rs.
home=$2

runners_left() {
    for runner in "$home"/runners/*; do
        case "$(cat "/proc/${runner##*/}/comm" 2>/dev/null)" in cargo*) return 0 ;; esac
    done
    return 1
}

end_server() {
    pid=$(cat "$home/pid" 2>/dev/null) || return
    # Only if that number still is our server.
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "-D $home/data" || return
    kill -QUIT "$pid"
    tries=0
    while kill -0 "$pid" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 100 ] || kill -KILL "$pid"
        sleep 0.05
    done
}

# For the search for secrets at the end of `make test`: see testkit/src/evidence.rs.
keep_log() {
    [ -d "${CHATOPS_TEST_EVIDENCE:-/nonexistent}/logs" ] || return
    cp "$home/server.log" "$CHATOPS_TEST_EVIDENCE/logs/postgres-shared-$$.log" 2>/dev/null
}

if [ "$1" = now ]; then # the caller holds `turn`
    end_server
    rm -rf "$home/data" "$home/port" "$home/pid" "$home/runners" "$home/server.log"
    exit
fi

exec 7>"$home/reaper" 8>"$home/users" 9>"$home/turn"
flock 7
echo ready
exec >/dev/null
while :; do
    flock 8 && flock -u 8
    # Plain `cargo test` starts the next test program a moment after the last one has ended.
    sleep 1
    runners_left && continue
    flock 9
    if flock -n 8 && ! runners_left; then
        end_server
        keep_log
        rm -rf "$home"
        exit
    fi
    flock -u 8
    flock -u 9
done
