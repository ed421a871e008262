# Makes $1/image.tar, the file system of the only image that tests have: Debian's busybox-static with a link for each of
# its programs. Needs no network.
set -eu
busybox=$(command -v busybox) || { echo "there is no busybox here: install Debian's busybox-static" >&2; exit 1; }
mkdir -p "$1/image/bin" "$1/image/tmp" "$1/image/root"
cp "$busybox" "$1/image/bin/busybox"
"$busybox" --list | while read -r program; do
    [ "$program" = busybox ] || ln -sf busybox "$1/image/bin/$program"
done
tar -C "$1/image" -cf "$1/image.tar" .
