# A Docker engine of its own, all of it below the folder in $1: `sh run.sh /tmp/somewhere`.
# It becomes `unshare`, whose end is the end of the engine, of its helpers and of every container: they live in a process
# namespace of their own, and what they have mounted in a mount namespace of their own.
# No network for containers: that would need the host's firewall.
set -eu
umask 077
mkdir -p "$1"
# Else a file of this host would be read.
echo '{}' >"$1/config.json"
exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
    dockerd --config-file "$1/config.json" --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" \
    --host "unix://$1/engine.sock" --iptables=false --ip6tables=false --bridge=none --storage-driver=vfs
