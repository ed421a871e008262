# Sourced after steps.sh: what this machine must have, and the Debian packages that supply it.

# "amd64" or "arm64", Debian's names; everything we fetch exists for these two only.
host_architecture() {
    case "$(uname -s)/$(uname -m)" in
        Linux/x86_64) echo amd64 ;;
        Linux/aarch64) echo arm64 ;;
        *) die "this machine is $(uname -s) on $(uname -m); the bundled database and message server exist for Linux on x86_64 and aarch64" \
            "use such a machine, or run your own servers and set CHATOPS_NATS_URL and CHATOPS_DATABASE_URL" ;;
    esac
}

# need_space DIRECTORY MEGABYTES WHAT
need_space() {
    local free
    mkdir -p "$1" || die "cannot create $1" "make the checkout writable for $(id -un), or set CHATOPS_RUNTIME to a directory that is"
    free=$(df -Pk "$1" | awk 'NR == 2 { print int($4 / 1024) }')
    [ "$free" -ge "$2" ] || die "$3 needs $2 MB in $1 and only $free MB are free" \
        "free some space there, or set CHATOPS_RUNTIME to a directory on a larger disk"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else return 127; fi
}

apt_install() {
    local options=(-y -q --no-install-recommends -o DPkg::Lock::Timeout=120)
    # Package lists may be absent (fresh container) or stale: refresh them only when needed.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@" && return
    as_root apt-get update -q && as_root env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@" ||
        die "apt-get could not install: $*" "check the network and the package sources of this machine, then run the same command again"
}

# need_packages PACKAGE...: installs what is listed, saying so; needs root or sudo only then.
need_packages() {
    [ $# -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "missing on this machine: $* (Debian package names), and there is no apt-get to install them with" \
        "install the equivalents with this system's package manager and run the same command again"
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        die "missing Debian packages: $*; installing them needs root and there is no sudo" \
            "as root, run: apt-get install --no-install-recommends $*"
    fi
    note "installing Debian packages: $*"
    # sudo may ask for the password: not inside a silenced step.
    [ "$(id -u)" -eq 0 ] || sudo -v || die "sudo was refused" "as root, run: apt-get install --no-install-recommends $*"
    step "Debian packages: $*" apt_install "$@"
}

# Packages for what the given needs lack: `missing_packages cc pip zoneinfo chromium`.
missing_packages() {
    local need
    for need in "$@"; do
        case "$need" in
            cc) { command -v cc >/dev/null && echo 'int main(void){return 0;}' | cc -x c -o /dev/null - 2>/dev/null; } || echo gcc libc6-dev ;;
            pip) python3 -m pip --version >/dev/null 2>&1 || echo python3-minimal python3-pip ;;
            zoneinfo) [ -e /usr/share/zoneinfo/UTC ] || echo tzdata ;;
            dpkg-deb) command -v dpkg-deb >/dev/null || echo dpkg ;;
            flock) command -v flock >/dev/null || echo util-linux ;;
            # Elsewhere the package of that name may be an empty shell; see build.sh.
            chromium) find_chromium >/dev/null || { on_debian && echo chromium; } || true ;;
            engine) command -v dockerd >/dev/null || echo docker.io; command -v busybox >/dev/null || echo busybox-static ;;
            podman) command -v podman >/dev/null || echo podman; command -v runc crun >/dev/null || echo crun; command -v busybox >/dev/null || echo busybox-static ;;
            certificates) [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates ;;
            *) die "unknown need '$need' in $0" ;;
        esac
    done
}

on_debian() { grep -q '^ID=debian$' /etc/os-release; }

# The first Chromium that starts; Ubuntu's package is a stub that only points to its shop.
find_chromium() {
    local candidate
    for candidate in "${CHATOPS_E2E_CHROMIUM:-}" chromium chromium-browser google-chrome "$RUN"/tools/browsers/chromium-*/chrome-linux*/chrome; do
        [ -n "$candidate" ] && "$candidate" --version >/dev/null 2>&1 && command -v "$candidate" && return
    done
    return 1
}

# True when version $1 >= $2 (dotted numbers).
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

need_rust() {
    local have want
    command -v cargo >/dev/null || { [ -x "$HOME/.cargo/bin/cargo" ] && PATH="$HOME/.cargo/bin:$PATH"; }
    command -v cargo >/dev/null || die "there is no Rust toolchain (cargo) on this machine" "install Rust with rustup, open a new shell, and run the same command again"
    want=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' "$ROOT/Cargo.toml")
    have=$(rustc --version | awk '{ print $2 }')
    version_at_least "$have" "$want" || die "Rust $have is too old, this project needs $want or newer" "run: rustup update stable"
}

# PostgreSQL refuses to run as root, so root starts it as another user of this host.
database_user() {
    [ "$(id -u)" -ne 0 ] || { id -u postgres >/dev/null 2>&1 && echo postgres || echo nobody; }
}

# as_database_user COMMAND...: COMMAND with the rights of database_user, or of the caller.
as_database_user() {
    local user
    user=$(database_user)
    if [ -z "$user" ]; then "$@"
    else setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups -- "$@"; fi
}

NODE_MINIMUM=20.19.0

# Is the Node.js of this host (not the bundled one) new enough for the web app?
node_is_current() {
    local version
    version=$(node --version 2>/dev/null) && command -v npm >/dev/null && version_at_least "${version#v}" "$NODE_MINIMUM"
}

# COUNT ports of loopback in a row that nobody answered on a moment ago; prints the first. They lie below those that Linux
# gives to outgoing connections, which would take one of them between this look and the start of the server.
free_ports() {
    local count=$1 first taken
    while :; do
        first=$((RANDOM % 2000 + 30000)) taken=''
        for ((i = 0; i < count; i++)); do
            ! (exec 5<>"/dev/tcp/127.0.0.1/$((first + i))") 2>/dev/null || taken=1
        done
        [ -n "$taken" ] || break
    done
    echo "$first"
}
