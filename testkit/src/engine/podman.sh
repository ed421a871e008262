# Podman of its own, all of it below the folder in $1: `sh podman.sh /tmp/somewhere` answers at engine.sock in there;
# with more arguments it is `podman` with those. As in run.sh, everything ends with the process that this becomes.
set -eu
umask 077
mkdir -p "$1/data" "$1/exec" "$1/tmp"
# Else files of this host would be read. runc where there is one: crun refuses hosts that mix both kinds of cgroups.
cat >"$1/containers.conf" <<END
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "$(basename "$(command -v runc || command -v crun)")"
tmp_dir = "$1/libpod"
[containers]
log_driver = "k8s-file"
END
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$1/data" "$1/exec" >"$1/storage.conf"
export CONTAINERS_CONF="$1/containers.conf" CONTAINERS_STORAGE_CONF="$1/storage.conf" TMPDIR="$1/tmp"
folder=$1
shift
[ $# -gt 0 ] || set -- system service --time=0 "unix://$folder/engine.sock"
exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc podman "$@"
