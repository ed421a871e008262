# Sourced by runtime.sh: Debian 13 packages unpacked beside the host's own, by a private apt
# configuration (own lists, empty status file, no root) and `dpkg-deb --extract`; no maintainer
# script runs. The programs are then pointed at the unpacked C library, so an older host works.

SUITE=trixie
PACKAGES=(postgresql-17-timescaledb nats-server patchelf)
POSTGRES_PROGRAMS=(postgres initdb pg_ctl psql pg_dump pg_restore pg_isready pg_controldata createdb dropdb)

# Of everything apt resolves, only these are unpacked: the programs and shared libraries. The
# rest (perl, systemd glue, LLVM for the JIT we switch off) is two thirds of the size, and the
# check in verify_debian fails if a library that is needed were left out.
WANTED='^(postgresql-17|postgresql-client-17|postgresql-17-timescaledb|nats-server|patchelf|lib[a-z0-9.+-]+)$'
UNWANTED='^(lib.*-perl|libperl.*|libllvm.*|libz3.*|libpam-modules.*|libc-bin|libc-l10n|.*-common)$'

library_triplet() { [ "$ARCHITECTURE" = amd64 ] && echo x86_64-linux-gnu || echo aarch64-linux-gnu; }

loader() { [ "$ARCHITECTURE" = amd64 ] && echo ld-linux-x86-64.so.2 || echo ld-linux-aarch64.so.1; }

# Mirrors to try, best first. Nothing is hard-wired: a variable, else what this host's apt uses
# for Debian, else (Ubuntu) a Debian tree beside the host's own and the one its apt templates name.
debian_mirrors() {
    if [ -n "${CHATOPS_DEBIAN_MIRROR:-}" ]; then
        echo "${CHATOPS_DEBIAN_MIRROR%/}"
        return
    fi
    local uri component
    # shellcheck disable=SC2016 # apt's variables, not the shell's
    apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null | sort -u |
        while read -r uri component; do
            [ "$component" = main ] || continue
            case "$uri" in
                *security* | cdrom:*) ;;
                mirror+file:* | mirror:file:*) grep -Eo '^(https?|file)://[^[:space:]]+' "${uri#*file:}" 2>/dev/null | head -n 3 || true ;;
                http://* | https://* | file:*) echo "$uri" ;;
            esac
        done | sed -e 's#/*$##' | awk '!seen[$0]++' | sed -e 's#/ubuntu$#/debian#' -e 's#/ubuntu-ports$#/debian#'
    apt_template_mirror
}

# The Debian address that Ubuntu's own apt templates carry.
apt_template_mirror() {
    local template=/usr/share/python-apt/templates/Debian.info work="$RUNTIME/apt/template"
    if [ ! -e "$template" ]; then
        mkdir -p "$work"
        (cd "$work" && apt-get -o APT::Sandbox::User=root -q download python-apt-common >&2 && dpkg-deb --extract python-apt-common_*.deb .) || return 0
        template="$work$template"
    fi
    sed -n 's/^BaseURI: *//p' "$template" | grep -v security | sed 's#/*$##' | awk '!seen[$0]++' | head -n 1
}

# Debian's signing keys: the host's package, else (Ubuntu) that package unpacked privately.
debian_keyring() {
    local keyring work="$RUNTIME/apt/keyring"
    for keyring in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
        [ -e "$keyring" ] && { echo "$keyring"; return; }
    done
    mkdir -p "$work"
    (cd "$work" && apt-get -o APT::Sandbox::User=root -q download debian-archive-keyring >&2 && dpkg-deb --extract debian-archive-keyring_*.deb .) ||
        die "Debian's signing keys are not on this machine and the package debian-archive-keyring could not be downloaded" \
            "run 'apt-get update' as root (on Ubuntu with the 'universe' component on), or install debian-archive-keyring"
    for keyring in "$work"/usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
        [ -e "$keyring" ] && { echo "$keyring"; return; }
    done
    die "debian-archive-keyring holds no keyring at the usual place" "set CHATOPS_RUNTIME to an unpacked runtime of another machine"
}

private_apt_configuration() { # DIRECTORY
    mkdir -p "$1"/state/lists/partial "$1"/cache/archives/partial "$1"/packages
    : >"$1/status"
    cat >"$1/apt.conf" <<CONFIGURATION
Dir::Etc::sourcelist "$1/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$1/state";
Dir::State::status "$1/status";
Dir::Cache "$1/cache";
APT::Architecture "$ARCHITECTURE";
APT::Architectures { "$ARCHITECTURE"; };
APT::Sandbox::User "root";
APT::Install-Recommends "false";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::CNF::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
CONFIGURATION
}

refresh_lists() { # DIRECTORY
    local mirror tried='' keyring
    keyring=$(debian_keyring)
    while read -r mirror; do
        echo "trying mirror $mirror"
        echo "deb [signed-by=$keyring] $mirror/ $SUITE main" >"$1/sources.list"
        APT_CONFIG="$1/apt.conf" apt-get -q update && return
        tried="$tried $mirror"
    done < <(debian_mirrors)
    die "no Debian mirror answered for $SUITE; tried:${tried:- none (apt here names no mirror)}" \
        "check the network, or set CHATOPS_DEBIAN_MIRROR to the URL of a reachable Debian mirror"
}

unpack_debian() {
    local work="$RUNTIME/apt" part="$RUNTIME/debian" names file
    rm -rf "$work" "$part.partial"
    private_apt_configuration "$work"
    refresh_lists "$work"
    names=$(APT_CONFIG="$work/apt.conf" apt-get -y --simulate install "${PACKAGES[@]}" | awk '$1 == "Inst" { print $2 }' |
        grep -E "$WANTED" | grep -Ev "$UNWANTED") || die "Debian $SUITE does not offer ${PACKAGES[*]} for $ARCHITECTURE" "set CHATOPS_DEBIAN_MIRROR to a complete Debian mirror"
    # shellcheck disable=SC2086
    (cd "$work/packages" && APT_CONFIG="$work/apt.conf" apt-get -q download $names)
    mkdir -p "$part.partial"
    for file in "$work"/packages/*.deb; do dpkg-deb --extract "$file" "$part.partial"; done
    trim_debian "$part.partial"
    point_at_own_libraries "$part.partial" "$part"
    rm -rf "$part"
    mv "$part.partial" "$part"
    link_debian "$part"
    verify_debian "$part"
    rm -rf "$work"
}

trim_debian() {
    local tree=${1:?}
    rm -rf "$tree"/usr/share/{doc,man,locale,info,lintian,bug,bash-completion} "$tree"/usr/lib/postgresql/17/lib/{bitcode,pgxs} \
        "$tree"/usr/share/postgresql/17/man "${tree:?}"/etc "${tree:?}"/var "$tree"/usr/lib/systemd
}

# Debian 13 has merged /usr; its packages carry everything below usr/.
point_at_own_libraries() { # TREE FINAL-PLACE
    local libraries interpreter program
    libraries="usr/lib/$(library_triplet)"
    interpreter=$(cd "$1" && find usr/lib usr/lib64 -name "$(loader)" 2>/dev/null | head -n 1)
    [ -n "$interpreter" ] || die "the unpacked Debian has no $(loader)"
    for program in "${POSTGRES_PROGRAMS[@]/#/usr/lib/postgresql/17/bin/}" usr/sbin/nats-server; do
        patch_elf "$1" "$libraries" "$interpreter" --set-interpreter "$2/$interpreter" --force-rpath --set-rpath "$2/$libraries" "$1/$program"
    done
}

# patchelf comes from the same unpacked tree and is started through its own loader.
patch_elf() {
    local tree=$1 libraries=$2 interpreter=$3
    shift 3
    "$tree/$interpreter" --library-path "$tree/$libraries" "$tree/usr/bin/patchelf" "$@"
}

link_debian() {
    local program
    for program in "${POSTGRES_PROGRAMS[@]}"; do
        ln -sfn "../debian/usr/lib/postgresql/17/bin/$program" "$RUNTIME/bin/$program"
    done
    ln -sfn ../debian/usr/sbin/nats-server "$RUNTIME/bin/nats-server-2.10"
}

# Every program starts, and every library of the server and of its extensions is found.
verify_debian() {
    local program missing
    for program in "${POSTGRES_PROGRAMS[@]}" nats-server-2.10; do "$RUNTIME/bin/$program" --version; done
    missing=$(for program in "$1"/usr/lib/postgresql/17/bin/postgres "$1"/usr/lib/postgresql/17/lib/{timescaledb*,pgcrypto,plpgsql,citext,libpqwalreceiver}.so; do
        LD_LIBRARY_PATH="$1/usr/lib/$(library_triplet)" "$(find "$1/usr" -name "$(loader)" | head -n 1)" --list "$program"
    done | grep 'not found' || true)
    [ -z "$missing" ] || die "libraries are missing from the unpacked Debian: $missing" "please report this with the versions above"
}
